import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compilePathTemplate } from '../src/adapters/blob-store/filesystem-path.ts';
import { beginLoad, loadKeeping, openStores } from '../src/open-stores.ts';
import type { LoadedRecord } from '../src/ports/record-dump.ts';
import { systemClock } from '../src/shared/clock.ts';
import { grouped } from './report.ts';
import { blobOf } from './seed.ts';

/*
 * What the registries hold whose growth is measured: packages of 25 versions, and one large package that has a fifth of all versions, however
 * many there are. Artifact n is the same in every run.
 */

const NAMESPACE = 'bench';
const LARGE_PACKAGE = 'large';
const VERSIONS_EACH = 25;
export const BLOB_BYTES = 1024;
/** Of the versions, this share is in the large package: one of so many. */
const LARGE_SHARE = 5;
const LOADED_AT_ONCE = 1000;
/** Each version has its blob as a file where there are up to so many of them; more would take longer to make than all the rest. */
const MOST_BLOBS = 100_000;
/** Beyond that, so many have one. */
const SOME_BLOBS = 10_000;

/** How a registry was filled. */
export interface Filled {
  readonly size: number;
  /** Blobs that are there as files. */
  readonly blobs: number;
  readonly loadSeconds: number;
  readonly indexSeconds: number;
  readonly blobSeconds: number;
}

/** Packages beside the large one, in a registry of so many versions. */
export function packageCount(size: number): number {
  return Math.floor((size - largeVersions(size)) / VERSIONS_EACH);
}

/** Versions that the large package has. */
export function largeVersions(size: number): number {
  return Math.floor(size / LARGE_SHARE);
}

/** How many versions have their blob as a file: the first ones. */
export function blobCount(size: number): number {
  return size <= MOST_BLOBS ? size : SOME_BLOBS;
}

/** Path of a package. */
export function packagePath(index: number): string {
  return `/v1/${NAMESPACE}/${packageName(index)}`;
}

/** Path of the package that has a fifth of all versions. */
export const LARGE_PATH = `/v1/${NAMESPACE}/${LARGE_PACKAGE}`;

/** Names are in the order of their numbers. */
function packageName(index: number): string {
  return `package-${String(index).padStart(6, '0')}`;
}

/** The last of them is the latest. */
function versionName(version: number): string {
  return `1.${version}.0`;
}

/** Of artifact `number`, the first of which belong to the small packages. */
function artifactOf(number: number, size: number): { readonly name: string; readonly version: string } {
  const small = packageCount(size) * VERSIONS_EACH;
  if (number < small) {
    const name = packageName(Math.floor(number / VERSIONS_EACH));
    return { name, version: versionName(number % VERSIONS_EACH) };
  }
  const place = number - small;
  return { name: LARGE_PACKAGE, version: `${1 + Math.floor(place / 1000)}.${place % 1000}.0` };
}

/** Path of artifact `number`. */
export function artifactPath(number: number, size: number): string {
  const { name, version } = artifactOf(number, size);
  return `/v1/${NAMESPACE}/${name}/${version}/any`;
}

/**
 * Fills a data folder with so many versions as a restore fills one: loaded and then indexed, with no request. Blobs are written as files to
 * where the store has them. Throws where the definition has findings.
 */
export async function fillRegistry(
  registry: string,
  data: string,
  size: number,
  tell: (text: string) => void,
): Promise<Filled> {
  const loaded = await loadKeeping({ registry, store: null });
  if (!loaded.ok) throw new Error(`The definition has findings: ${JSON.stringify(loaded.findings[0])}`);
  const { keeping } = loaded;
  const blobStore = Object.values(keeping.definition.blobStores)[0];
  if (blobStore === undefined) throw new Error('The definition has no blob store');

  const startedAt = performance.now();
  const stores = await openStores(keeping, { registry, data, store: null, env: {} }, false, systemClock);
  try {
    const [entry] = stores.records;
    if (entry === undefined) throw new Error('The definition has no record store');
    const [name, store] = entry;
    const load = await beginLoad(store, { origin: 'the bench', at: new Date().toISOString(), replace: false });
    for (let from = 0; from < size; from += LOADED_AT_ONCE) {
      const count = Math.min(LOADED_AT_ONCE, size - from);
      const puts = Array.from({ length: count }, (_, place) => artifactRecord(from + place, size));
      await load.write({ puts, deletes: [], events: [] });
      tell(`${grouped(from + count)} of ${grouped(size)} loaded`);
    }
    await load.write({ puts: packageRecords(size), deletes: [], events: [] });
    await load.finish(1);
    const loadedAt = performance.now();
    await keeping.buildIndexes(name, store, (done, total, what) =>
      tell(`${grouped(done)} of ${grouped(total)} ${what}`),
    );
    const indexedAt = performance.now();
    const blobs = blobCount(size);
    writeBlobs(join(data, blobStore.root), blobStore.pathTemplate, blobs, size);
    return {
      size,
      blobs,
      loadSeconds: (loadedAt - startedAt) / 1000,
      indexSeconds: (indexedAt - loadedAt) / 1000,
      blobSeconds: (performance.now() - indexedAt) / 1000,
    };
  } finally {
    await stores.close();
  }
}

const MADE_AT = '2026-01-01T00:00:00.000Z';

function artifactRecord(number: number, size: number): LoadedRecord {
  const { name, version } = artifactOf(number, size);
  const value = {
    namespace: NAMESPACE,
    name,
    version,
    variant: 'any',
    blob_digest: `sha256:${digestOf(number, size)}`,
    blob_size: BLOB_BYTES,
    media_type: 'application/octet-stream',
    created_at: MADE_AT,
    created_by: 'admin',
  };
  return recordOf('packages.artifact', `artifact/${NAMESPACE}/${name}/${version}/any`, value);
}

function packageRecords(size: number): LoadedRecord[] {
  const names = Array.from({ length: packageCount(size) }, (_, index) => packageName(index));
  return [...names, LARGE_PACKAGE].map((name) =>
    recordOf('packages.package', `package/${NAMESPACE}/${name}`, { namespace: NAMESPACE, name, created_at: MADE_AT }),
  );
}

function recordOf(collection: string, key: string, value: object): LoadedRecord {
  return { collection, key, value: JSON.stringify(value), version: 1, expiresAt: null };
}

function contentOf(number: number, size: number): Buffer {
  return blobOf(artifactPath(number, size), BLOB_BYTES);
}

function digestOf(number: number, size: number): string {
  return createHash('sha256').update(contentOf(number, size)).digest('hex');
}

function writeBlobs(root: string, pathTemplate: string, count: number, size: number): void {
  const { path } = compilePathTemplate(pathTemplate, []);
  const made = new Set<string>();
  for (let number = 0; number < count; number++) {
    const file = join(root, path(digestOf(number, size)));
    const folder = dirname(file);
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    writeFileSync(file, contentOf(number, size));
  }
}

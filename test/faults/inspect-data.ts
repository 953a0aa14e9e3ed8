import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegistry } from '../../src/main.ts';
import type { BlobStat, BlobStore } from '../../src/ports/blob-store.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { packageFolder } from '../../src/shared/package-folder.ts';
import { ADMIN_PASSWORD } from '../support/registry.ts';
import { allEvents, allRecords } from './read-all.ts';

const PAGE = 500;

/** What lies in a data folder of the default registry. */
export interface DataView {
  /** Digest of each artifact by its target (`/v1/…/blob`), as its record says. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** What does not fit together; empty when all is well. */
  readonly faults: readonly string[];
}

/**
 * Opens a data folder in this process, beside a server if one is running, and compares records, indexes, events and blobs with each other.
 * Reads every blob. Sweeps first, so that nothing may be left that no record names. `store`: as `--store` has it, where records are
 * not in the folder.
 */
export async function inspectData(data: string, store: string | null = null): Promise<DataView> {
  const opened = await openRegistry({ registry: packageFolder(), data, store, adminPassword: ADMIN_PASSWORD });
  if (!opened.ok) throw new Error('The default registry does not load');
  const { registry } = opened;
  try {
    await registry.sweep();
    const records = registry.runtime.store('meta');
    const blobs = registry.runtime.blobStore('primary');
    const artifacts = await readArtifacts(records);
    const digests = new Map([...artifacts].map(([target, { digest }]) => [target, digest]));
    const faults = [
      ...(await packageFaults(records, artifacts)),
      ...(await eventFaults(records, artifacts)),
      ...(await blobFaults(blobs, new Set(digests.values()))),
    ];
    return { artifacts: digests, faults };
  } finally {
    await registry.close();
  }
}

/** Files that a blob store keeps only while something is going on. */
export async function transientFiles(data: string): Promise<readonly string[]> {
  const folders = ['tmp', 'aside', 'leases', 'uploads', 'quarantine'];
  const names = await Promise.all(folders.map((folder) => readdir(join(data, 'blobs', folder))));
  return folders.flatMap((folder, at) => (names[at] ?? []).map((name) => `${folder}/${name}`));
}

interface Artifact {
  readonly digest: string;
  readonly version: number;
}

const targetOf = ({ namespace, name, version, variant }: Record<string, unknown>) =>
  `/v1/${namespace}/${name}/${version}/${variant}/blob`;

async function readArtifacts(records: RecordStore): Promise<ReadonlyMap<string, Artifact>> {
  const found = new Map<string, Artifact>();
  for await (const { value, version } of allRecords(records, 'packages.artifact')) {
    const document = JSON.parse(value);
    found.set(targetOf(document), { digest: document.blob_digest, version });
  }
  return found;
}

/** Every artifact is among the versions of its package, and every package has one. */
async function packageFaults(
  records: RecordStore,
  artifacts: ReadonlyMap<string, Artifact>,
): Promise<readonly string[]> {
  const listed = new Set<string>();
  const faults: string[] = [];
  for await (const { key, value } of allRecords(records, 'packages.package')) {
    const { namespace, name } = JSON.parse(value);
    const where = [
      { column: 'namespace', op: 'eq', value: namespace },
      { column: 'name', op: 'eq', value: name },
    ] as const;
    const page = await records.query({
      collection: 'packages.artifact',
      index: 'packages.versions',
      where,
      order: [],
      limit: 1000,
      after: null,
    });
    if (page.records.length === 0) faults.push(`${key} has no versions`);
    for (const record of page.records) listed.add(targetOf(JSON.parse(record.value)));
  }
  for (const target of artifacts.keys()) if (!listed.has(target)) faults.push(`${target} is in no package`);
  if (listed.size > artifacts.size) faults.push('The index shows more than there is');
  return faults;
}

/** The log has one event for each artifact, made in the artifact's own commit, and stands in the order of the commits. */
async function eventFaults(records: RecordStore, artifacts: ReadonlyMap<string, Artifact>): Promise<readonly string[]> {
  const faults: string[] = [];
  const published = new Set<string>();
  let [position, version] = [0, 0];
  for await (const event of allEvents(records)) {
    const payload = JSON.parse(event.payload);
    const target = targetOf(payload);
    const artifact = artifacts.get(target);
    if (event.position <= position || event.version < version) faults.push(`Event ${event.position} is out of order`);
    [position, version] = [event.position, event.version];
    if (published.has(target)) faults.push(`${target} was published twice`);
    published.add(target);
    if (event.type !== 'packages.published') faults.push(`Event ${event.position} is of type ${event.type}`);
    if (artifact?.digest !== payload.blob_digest)
      faults.push(`The event of ${target} has another digest than its record`);
    if (artifact?.version !== event.version) faults.push(`The event of ${target} is of another commit than its record`);
  }
  for (const target of artifacts.keys()) if (!published.has(target)) faults.push(`${target} has no event`);
  return faults;
}

/** The store has the blobs that records name, whole, and no others. */
async function blobFaults(blobs: BlobStore, named: ReadonlySet<string>): Promise<readonly string[]> {
  const faults: string[] = [];
  const stored = await storedDigests(blobs);
  for (const digest of stored) if (!named.has(digest)) faults.push(`${digest} is in the store and no record names it`);
  for (const digest of named) {
    const content = stored.has(digest) ? await blobs.get(digest) : null;
    if (content === null) {
      faults.push(`${digest} is named by a record and is not in the store`);
      continue;
    }
    const hash = createHash('sha256');
    if (content.bytes !== null) hash.update(content.bytes);
    for await (const chunk of content.stream ?? []) hash.update(chunk);
    if (`sha256:${hash.digest('hex')}` !== digest) faults.push(`${digest} is damaged`);
  }
  return faults;
}

async function storedDigests(blobs: BlobStore): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for (let last: string | null = null; ; ) {
    const page: readonly BlobStat[] = await blobs.list(last, PAGE);
    for (const { digest } of page) digests.add(digest);
    last = page.at(-1)?.digest ?? null;
    if (page.length < PAGE) return digests;
  }
}

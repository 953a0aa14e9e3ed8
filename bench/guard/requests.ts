import { publishDocument } from '../npm/documents.ts';
import { blobOf, blobTag, packagePath, SMALL_BLOB_BYTES, versionPath } from '../seed.ts';

/** Requests of one kind, each of which costs as much as any other. */
export interface GuardRow {
  readonly name: string;
  readonly status: number;
  /** How many are counted. */
  readonly count: number;
  /** The request after so many others of this row. */
  request(index: number): GuardRequest;
}

export interface GuardRequest {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** With the administrator's token. */
  readonly asAdmin?: boolean;
}

const PACKAGES = 10;
const VERSIONS_EACH = 2;
const NEWEST = VERSIONS_EACH - 1;
const READS = 100;
/** Those that write wait for the disk. */
const WRITES = 30;
const PUBLISHED_BYTES = 1024;
const MOUNT = '/npm';
const PACKAGE = 'guarded';

export const GUARD_READS: readonly GuardRow[] = [
  get('latest', (index) => `${packagePath(index % PACKAGES)}/latest`),
  get('metadata', (index) => versionPath(index % PACKAGES, NEWEST)),
  get('blob of 4 KiB', (index) => `${versionPath(index % PACKAGES, NEWEST)}/blob`),
  {
    ...get(
      '304 on a blob',
      (index) => `${versionPath(index % PACKAGES, NEWEST)}/blob`,
      (index) => ({
        'if-none-match': blobTag(versionPath(index % PACKAGES, NEWEST)),
      }),
    ),
    status: 304,
  },
  get('page of versions', (index) => `${packagePath(index % PACKAGES)}/versions`),
  get(
    'packument',
    () => `${MOUNT}/${PACKAGE}`,
    () => ({ accept: 'application/json' }),
  ),
  get('tarball', () => `${MOUNT}/${PACKAGE}/-/${PACKAGE}-1.0.0.tgz`),
];

export const GUARD_WRITES: readonly GuardRow[] = [
  {
    name: 'publish 1 KiB',
    status: 201,
    count: WRITES,
    request: (index) => published(`${packagePath(index % PACKAGES)}/0.${index}.0/any`, PUBLISHED_BYTES),
  },
  { name: 'publish a package', status: 201, count: WRITES, request: (index) => publishedPackage(`new-${index}`) },
];

/** What is published before anything is counted. */
export const GUARD_SEED: readonly GuardRequest[] = [
  ...Array.from({ length: PACKAGES * VERSIONS_EACH }, (_, place) =>
    published(versionPath(place % PACKAGES, Math.floor(place / PACKAGES)), SMALL_BLOB_BYTES),
  ),
  publishedPackage(PACKAGE),
];

function get(
  name: string,
  path: (index: number) => string,
  headers: (index: number) => Readonly<Record<string, string>> = () => ({}),
): GuardRow {
  const request = (index: number) => ({ method: 'GET', path: path(index), headers: headers(index) }) as const;
  return { name, status: 200, count: READS, request };
}

function published(path: string, size: number): GuardRequest {
  const headers = { 'content-type': 'application/octet-stream' };
  return { method: 'PUT', path: `${path}/blob`, headers, body: blobOf(path, size), asAdmin: true };
}

function publishedPackage(name: string): GuardRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'PUT', path: `${MOUNT}/${name}`, headers, body: publishDocument(name, '1.0.0'), asAdmin: true };
}

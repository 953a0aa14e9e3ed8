import type { Request } from 'autocannon';
import type { Load } from './load.ts';
import { blobOf, blobTag, packagePath, type Seed, SMALL_BLOB_BYTES, versionPath } from './seed.ts';
import type { Subject } from './subjects.ts';

/** One row of the report. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /**
   * `pair`: the registry against the server by hand. `floor`: a constant by node:http and by Hono. `nginx`: the registry against the same bytes as
   * files.
   */
  readonly against: 'pair' | 'floor' | 'nginx';
  /** One of several rows that ask the same of as many connections; it is measured in fewer and shorter rounds. */
  readonly isShort: boolean;
  readonly load: Load;
}

const READERS = 32;
const WRITERS = 8;
/** Beside those above. */
const OTHER_READERS = [1, 256];
const OTHER_WRITERS = [1, 32, 256];
const PUBLISHED_BYTES = 1024;

/** What is measured, in order. */
export function benchCases(seed: Seed): readonly Case[] {
  const packages = Array.from({ length: seed.packages }, (_, index) => index);
  const newest = seed.versionsEach - 1;
  const get =
    (path: (index: number) => string, headers?: (index: number, subject: Subject) => Request['headers']) =>
    (subject: Subject) =>
      packages.map((index): Request => ({ method: 'GET', path: path(index), headers: headers?.(index, subject) }));
  const read = { method: 'GET', connections: READERS, weight: 1, status: 200 } as const;
  const latest = { ...read, minBytes: 300, requests: get((index) => `${packagePath(index)}/latest`) };
  const blobPath = (index: number) => `${versionPath(index, newest)}/blob`;
  const blob = { ...read, minBytes: SMALL_BLOB_BYTES, requests: get(blobPath) };
  const tag = (index: number, subject: Subject) =>
    subject.entityTag?.(blobPath(index), SMALL_BLOB_BYTES) ?? blobTag(versionPath(index, newest));
  const notModified = {
    ...read,
    status: 304,
    minBytes: 60,
    requests: get(blobPath, (index, subject) => ({ 'if-none-match': tag(index, subject) })),
  };
  const metadata = { ...read, minBytes: 300, requests: get((index) => versionPath(index, newest)) };
  const publish = {
    method: 'PUT',
    connections: WRITERS,
    weight: 30,
    status: 201,
    minBytes: 60,
    requests: publishing(seed.packages),
  } as const;
  return [
    { name: 'floor', title: 'a constant of 300 bytes', against: 'floor', isShort: false, load: latest },
    ...atAll('latest', 'GET .../latest', latest, OTHER_READERS),
    ...atAll('blob', 'GET a blob of 4 KiB', blob, OTHER_READERS),
    { name: 'blob-nginx', title: 'GET a blob of 4 KiB', against: 'nginx', isShort: true, load: blob },
    ...atAll('metadata', 'GET metadata', metadata, OTHER_READERS),
    ...atAll('not-modified', '304 on the blob', notModified, OTHER_READERS),
    { name: 'not-modified-nginx', title: '304 on the blob', against: 'nginx', isShort: true, load: notModified },
    ...atAll('publish', 'publish 1 KiB', publish, OTHER_WRITERS),
  ];
}

/** The blobs of the rows, as files for a server that has nothing else. */
export function blobFiles(seed: Seed): readonly { readonly path: string; readonly bytes: Uint8Array }[] {
  return Array.from({ length: seed.packages }, (_, index) => {
    const path = versionPath(index, seed.versionsEach - 1);
    return { path: `${path}/blob`, bytes: blobOf(path, SMALL_BLOB_BYTES) };
  });
}

function atAll(name: string, title: string, load: Load, others: readonly number[]): Case[] {
  const rows: Case[] = [{ name, title, against: 'pair', isShort: false, load }];
  for (const connections of others) {
    const other = { ...load, connections };
    rows.push({ name: `${name}-${connections}`, title, against: 'pair', isShort: true, load: other });
  }
  return rows;
}

/** Each request publishes another version with bytes of its own, in turn to all packages; the same sequence to each server. */
function publishing(packages: number): (subject: Subject) => Request[] {
  const counts = new Map<Subject, number>();
  return (subject) => [
    {
      method: 'PUT',
      setupRequest(request: Request): Request {
        const count = (counts.get(subject) ?? 0) + 1;
        counts.set(subject, count);
        const path = `${packagePath(count % packages)}/0.${count}.0/any/blob`;
        const headers = { authorization: subject.authorization ?? '', 'content-type': 'application/octet-stream' };
        return { ...request, method: 'PUT', path, headers, body: blobOf(path, PUBLISHED_BYTES) };
      },
    },
  ];
}

import type { Request } from 'autocannon';
import type { Load } from './load.ts';
import { blobOf, blobTag, packagePath, type Seed, SMALL_BLOB_BYTES, versionPath } from './seed.ts';
import type { Subject } from './subjects.ts';

/** One row of the report. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** `pair`: the registry against the server by hand. `floor`: a constant by node:http and by Hono. */
  readonly against: 'pair' | 'floor';
  readonly load: Load;
}

const READERS = 32;
const WRITERS = 8;
const PUBLISHED_BYTES = 1024;

/** What is measured, in order. */
export function benchCases(seed: Seed): readonly Case[] {
  const packages = Array.from({ length: seed.packages }, (_, index) => index);
  const newest = seed.versionsEach - 1;
  const get = (path: (index: number) => string, headers?: (index: number) => Request['headers']) => () =>
    packages.map((index): Request => ({ method: 'GET', path: path(index), headers: headers?.(index) }));
  const read = { method: 'GET', connections: READERS, weight: 1, status: 200 } as const;
  const blob = (index: number) => `${versionPath(index, newest)}/blob`;
  return [
    {
      name: 'floor',
      title: 'a constant of 300 bytes',
      against: 'floor',
      load: { ...read, minBytes: 300, requests: get((index) => `${packagePath(index)}/latest`) },
    },
    {
      name: 'latest',
      title: 'GET .../latest',
      against: 'pair',
      load: { ...read, minBytes: 300, requests: get((index) => `${packagePath(index)}/latest`) },
    },
    {
      name: 'blob',
      title: 'GET a blob of 4 KiB',
      against: 'pair',
      load: { ...read, minBytes: SMALL_BLOB_BYTES, requests: get(blob) },
    },
    {
      name: 'metadata',
      title: 'GET metadata',
      against: 'pair',
      load: { ...read, minBytes: 300, requests: get((index) => versionPath(index, newest)) },
    },
    {
      name: 'not-modified',
      title: '304 on the blob',
      against: 'pair',
      load: {
        ...read,
        status: 304,
        minBytes: 60,
        requests: get(blob, (index) => ({ 'if-none-match': blobTag(versionPath(index, newest)) })),
      },
    },
    {
      name: 'publish',
      title: 'publish 1 KiB',
      against: 'pair',
      load: {
        method: 'PUT',
        connections: WRITERS,
        weight: 30,
        status: 201,
        minBytes: 60,
        requests: publishing(seed.packages),
      },
    },
  ];
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

import type { Request } from 'autocannon';
import { Client } from 'undici';
import type { Load } from '../load.ts';
import type { Subject } from '../subjects.ts';
import { publishDocument, SOURCE_BYTES } from './documents.ts';
import { pathOf, publishHeaders } from './subjects.ts';

export const FULL = 'application/json';
export const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*';
const MANIFEST_BYTES = 1500;
/** Answers of megabytes come one at a time on each connection: with more of them nothing is ever whole. */
const READERS = (versions: number) => (versions > 100 ? 4 : 16);
/** Versions for which the issue asks something. */
const AT = 100;

/** One load, put on both servers. */
export interface NpmRow {
  readonly name: string;
  readonly title: string;
  readonly load: Load;
  /** How many times the other's requests per second are asked for; null: nothing is. */
  readonly atLeast: number | null;
}

/** A package with so many versions; all are there before anything is measured. */
export const packageWith = (versions: number): string => `with-${versions}-versions`;

/** Reads of documents: whole, abbreviated, compressed, and not at all because the client has them. */
export function documentRows(versions: number, tags: EntityTags): readonly NpmRow[] {
  const name = packageWith(versions);
  const shared = { method: 'GET', connections: READERS(versions), weight: versions * 2 } as const;
  const get = (headers: (subject: Subject) => Record<string, string>) => (subject: Subject) => [
    { method: 'GET', path: pathOf(subject, name), headers: headers(subject) } as const,
  ];
  const whole = { ...shared, status: 200, minBytes: versions * MANIFEST_BYTES };
  const asked = (times: number) => (versions === AT ? times : null);
  return [
    {
      name: `full-${versions}`,
      title: `packument, ${versions} versions`,
      load: { ...whole, requests: get(() => ({ accept: FULL })) },
      atLeast: asked(20),
    },
    {
      name: `abbreviated-${versions}`,
      title: `abbreviated, ${versions} versions`,
      load: { ...whole, minBytes: versions * 400, requests: get(() => ({ accept: ABBREVIATED })) },
      atLeast: null,
    },
    {
      name: `gzip-${versions}`,
      title: `packument, gzip, ${versions} versions`,
      load: { ...whole, minBytes: 300, requests: get(() => ({ accept: FULL, 'accept-encoding': 'gzip' })) },
      atLeast: asked(50),
    },
    {
      name: `not-modified-${versions}`,
      title: `304, ${versions} versions`,
      load: {
        ...shared,
        status: 304,
        minBytes: 60,
        requests: get((subject) => ({ accept: FULL, 'if-none-match': tags.of(subject, name) })),
      },
      atLeast: asked(50),
    },
  ];
}

/** Reads of the packages' tarballs, in turn. */
export function tarballRow(cached: boolean, packages: number): NpmRow {
  return {
    name: cached ? 'tarball' : 'tarball-cold',
    title: cached ? 'tarball of 12 KiB' : 'tarball of 12 KiB, caches off',
    load: {
      method: 'GET',
      connections: 16,
      weight: 4,
      status: 200,
      minBytes: SOURCE_BYTES,
      requests: (subject) =>
        Array.from({ length: packages }, (_, index): Request => {
          const name = smallPackage(index);
          return { method: 'GET', path: pathOf(subject, `${name}/-/${name}-1.0.0.tgz`) };
        }),
    },
    atLeast: cached ? 4 : 2,
  };
}

/** One of many packages with one version. */
export const smallPackage = (index: number): string => `small-${index}`;

/** Packages that nobody has heard of, `connections` at once. Their documents are made before the clock runs, as many as can be wanted. */
export function publishRow(connections: number): NpmRow {
  const counts = new Map<Subject, number>();
  const name = `publish-${connections}`;
  const prepared = connections === 1 ? 1000 : 2500;
  const next = (subject: Subject): Request => {
    const count = (counts.get(subject) ?? 0) + 1;
    counts.set(subject, count);
    const fresh = `${name}-${count}`;
    return { path: pathOf(subject, fresh), body: publishDocument(fresh, '1.0.0') };
  };
  return {
    name,
    title: connections === 1 ? 'publish a new package' : `publish new packages, ${connections} at once`,
    load: {
      method: 'PUT',
      connections,
      weight: 100,
      status: 201,
      minBytes: 60,
      requests(subject) {
        const ready = Array.from({ length: prepared }, () => next(subject));
        const headers = publishHeaders(subject);
        const setupRequest = (request: Request): Request => {
          const fresh = ready.pop();
          if (fresh === undefined)
            throw new Error(`${subject.name} publishes more than ${prepared} packages in a round`);
          return { ...request, method: 'PUT', headers, ...fresh };
        };
        return [{ method: 'PUT', setupRequest }];
      },
    },
    atLeast: 4,
  };
}

/** Milliseconds that it takes to publish versions into one package, one after the other, on one connection. */
export async function manyVersionsMs(subject: Subject, round: number, versions: number): Promise<number> {
  const name = `grows-${versions}-${round}`;
  const documents = Array.from({ length: versions }, (_, version) => publishDocument(name, `1.${version}.0`));
  const client = new Client(new URL(subject.url).origin);
  try {
    const startedAt = performance.now();
    for (const body of documents) {
      const answer = await client.request({
        method: 'PUT',
        path: pathOf(subject, name),
        headers: publishHeaders(subject),
        body,
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 201) throw new Error(`${subject.name} refused ${name}: ${answer.statusCode} ${text}`);
    }
    return performance.now() - startedAt;
  } finally {
    await client.close();
  }
}

/** Entity tags of full documents, which each server makes as it likes. */
export interface EntityTags {
  /** Asks for it anew: before a row. */
  learn(subject: Subject, name: string): Promise<void>;
  of(subject: Subject, name: string): string;
}

export function entityTags(): EntityTags {
  const known = new Map<string, string>();
  return {
    async learn(subject, name) {
      const response = await fetch(subject.url + name, { headers: { accept: FULL, 'accept-encoding': 'identity' } });
      await response.arrayBuffer();
      known.set(subject.url + name, response.headers.get('etag') ?? '');
    },
    of: (subject, name) => known.get(subject.url + name) ?? '',
  };
}

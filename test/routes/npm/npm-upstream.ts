import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { startServer, type TestServer } from '../../adapters/upstream-server.ts';
import { tarballOf } from './published.ts';

export interface Release {
  readonly name: string;
  readonly version: string;
  /** When it was published; default: long ago. */
  readonly at?: string;
  /** Members of the manifest besides name and version. */
  readonly manifest?: object;
  /** Members of `dist`, over those that fit; undefined leaves one out. */
  readonly dist?: object;
  /** A file inside that makes the tarball large. */
  readonly content?: string;
  /** Instead of one that is made; no two that are made are the same. */
  readonly bytes?: Buffer;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A registry that packages are pulled from, which does what a test wants. */
export interface NpmUpstream {
  readonly origin: string;
  readonly requests: TestServer['requests'];
  /** Adds a version; the newest is `latest`, if no tags are given. */
  release(given: Release, tags?: Readonly<Record<string, string>>): Promise<{ readonly tarball: Buffer }>;
  remove(name: string): void;
  /** Answers everything from now on; null: what it has. */
  answer: Answer | null;
  /** How often each of these was asked for: `GET /tool`. */
  count(line: string): number;
  close(): Promise<void>;
}

interface Packument {
  readonly name: string;
  readonly versions: Record<string, object>;
  readonly 'dist-tags': Record<string, string>;
  readonly time: Record<string, string>;
}

/** Serves full documents with an entity tag, at no more than what a public registry says. */
export async function openNpmUpstream(): Promise<NpmUpstream> {
  const packuments = new Map<string, Packument>();
  const tarballs = new Map<string, Buffer>();
  const server = await startServer((request, response) => {
    if (upstream.answer !== null) return void upstream.answer(request, response);
    const path = decodeURIComponent(request.url ?? '');
    const tarball = tarballs.get(path);
    if (tarball !== undefined) return void response.end(tarball);
    const packument = packuments.get(path.slice(1));
    if (packument === undefined) return void response.writeHead(404).end('{"error":"not found"}');
    const text = JSON.stringify(packument);
    const etag = `"${createHash('sha256').update(text).digest('hex')}"`;
    const same = request.headers['if-none-match'] === etag;
    response.writeHead(same ? 304 : 200, { etag, 'content-type': 'application/json' }).end(same ? '' : text);
  });
  onTestFinished(() => server.close());
  const upstream: NpmUpstream = {
    origin: server.origin,
    requests: server.requests,
    answer: null,
    async release({ name, version, at = '2020-01-01T00:00:00.000Z', manifest, dist, content, bytes }, tags) {
      const files: [string, string][] = [['package/package.json', JSON.stringify({ name, version })]];
      if (content !== undefined) files.push(['package/content', content]);
      const tarball = bytes ?? (await tarballOf(files));
      const path = `/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
      tarballs.set(path, tarball);
      const known = packuments.get(name);
      packuments.set(name, {
        name,
        versions: {
          ...known?.versions,
          [version]: {
            name,
            version,
            ...manifest,
            dist: { tarball: server.origin + path, ...hashesOf(tarball), ...dist },
          },
        },
        'dist-tags': { ...known?.['dist-tags'], ...(tags ?? { latest: version }) },
        time: { ...known?.time, [version]: at, modified: at },
      });
      return { tarball };
    },
    remove: (name) => void packuments.delete(name),
    count: (line) => server.requests.filter((request) => request.line === line).length,
    close: () => server.close(),
  };
  return upstream;
}

/** As in `dist`. */
export function hashesOf(tarball: Buffer): { readonly integrity: string; readonly shasum: string } {
  return {
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
  };
}

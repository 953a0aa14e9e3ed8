import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import type { Definition, RouteDefinition } from './definition/types.ts';
import type { Vocabulary } from './definition/vocabulary.ts';
import type { EngineRequest } from './engine/exchange.ts';
import { fail } from './errors/registry-error.ts';
import type { Trace } from './inspect/trace.ts';
import type { PrincipalView } from './language/frame.ts';
import { parsePathPattern } from './language/path-pattern.ts';
import { openDefinition } from './main.ts';

/** One request to one route, in this process. */
export interface TriedRequest {
  readonly route: RouteDefinition;
  /** One that the route answers. */
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
  /** Null: anonymous. */
  readonly principal: PrincipalView | null;
  /** Null: a throw-away registry in memory. */
  readonly data: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly trace: Trace | null;
}

export interface TriedResponse {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly tookMs: number;
  /** Of `admin`, where the data folder was new. */
  readonly generatedAdminPassword: string | null;
}

/** Makes the request as that principal, whom nobody checks. Fails with VALUE_MISSING when a path parameter is not given. */
export async function tryRequest(
  definition: Definition,
  vocabulary: Vocabulary,
  tried: TriedRequest,
): Promise<TriedResponse> {
  const { route, method, query, principal, data, env, trace, body } = tried;
  const search = new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();
  const target = pathOf(route, tried.params) + (search === '' ? '' : `?${search}`);
  const registry = await openDefinition(
    definition,
    vocabulary,
    // Nothing is written to the folder when everything is kept in memory.
    { data: data ?? tmpdir(), memory: data === null, env, ...(trace === null ? {} : { watch: trace.watch }) },
    {
      authenticate: () => principal,
      ...(trace === null ? {} : { wrapRecordStore: trace.recordStore, wrapBlobStore: trace.blobStore }),
    },
  );
  try {
    const request: EngineRequest = {
      method,
      target,
      // The engine asks who somebody is only where there are credentials.
      headers: [...tried.headers, ...(principal === null ? [] : [['authorization', 'Bearer tried'] as const])],
      body: body === null ? null : Readable.from([body], { objectMode: false }),
      contentLength: body === null ? null : body.byteLength,
      ip: '127.0.0.1',
      baseUrl: 'http://localhost',
      signal: new AbortController().signal,
    };
    const startedAt = performance.now();
    const response = await registry.handle(request);
    const bytes = await collect(response.body);
    const { status, headers } = response;
    const tookMs = performance.now() - startedAt;
    const generatedAdminPassword = data === null ? null : registry.generatedAdminPassword;
    return { method, target, status, headers, body: bytes, tookMs, generatedAdminPassword };
  } finally {
    await registry.close();
  }
}

/** The first of the route's paths all of whose parameters are given, filled in. */
function pathOf(route: RouteDefinition, params: Readonly<Record<string, string>>): string {
  const patterns = route.paths.map(parsePathPattern);
  const pattern = patterns.find((candidate) => candidate.params.every(({ name }) => Object.hasOwn(params, name)));
  if (pattern === undefined) {
    const missing = (patterns[0]?.params ?? []).filter(({ name }) => !Object.hasOwn(params, name));
    fail('VALUE_MISSING', `Give the path parameters ${missing.map(({ name }) => name).join(', ')}: ${route.paths[0]}`);
  }
  const segments = pattern.segments.map((segment) => {
    if (segment.kind === 'literal') return encodeURIComponent(segment.text);
    const value = params[segment.name] ?? '';
    const encoded = segment.multi ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
    return encodeURIComponent(segment.prefix) + encoded + encodeURIComponent(segment.suffix);
  });
  return `/${segments.join('/')}${pattern.trailingSlash ? '/' : ''}`;
}

async function collect(body: string | Uint8Array | Readable | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  return body instanceof Readable ? Buffer.concat(await body.toArray()) : Buffer.from(body);
}

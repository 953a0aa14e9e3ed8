import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Seams } from '../../src/main.ts';
import { openTestRegistry, type StoreKind, type TestRegistry } from '../support/registry.ts';
import { serveRegistry } from '../support/serve-registry.ts';

export interface Origin {
  readonly url: string;
  /** `METHOD path`, in order. */
  readonly requests: readonly string[];
}

/** A real upstream that does what the test says; `count` is the number of the request, from 1. */
export async function startOrigin(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<Origin> {
  const requests: string[] = [];
  const server = createServer((incoming, response) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    answer(incoming, response, requests.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

export interface FillOptions {
  readonly kind: StoreKind;
  readonly origin: Origin;
  readonly expect?: string | null;
  /** More arguments of the step. */
  readonly args?: object;
  /** Its steps; by default they commit a record. */
  readonly then?: readonly object[];
  /** Of the upstream. */
  readonly upstream?: object;
  readonly seams?: Seams;
  readonly data?: string;
}

export function fillDefinition(options: Omit<FillOptions, 'kind' | 'origin'>) {
  const { expect = null, args = {}, upstream = {}, then } = options;
  const file = { doc: 'file', key: 'file/{name}' };
  const commit = [
    { op: 'txn.begin', args: {} },
    { op: 'kv.put', args: { ...file, value: { digest: '$blob.digest', size: '$blob.size' } } },
    { op: 'txn.commit', args: {} },
  ];
  return {
    schema_version: '1.0',
    type_id: 'test.fill',
    storage: {
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs' } },
      kv_stores: { meta: { kind: 'sqlite' } },
      documents: { file: { store: 'meta', key_template: 'file/{name}', blobs: ['digest'] } },
    },
    env: ['ORIGIN_URL'],
    upstreams: {
      origin: {
        base_url: '{env.ORIGIN_URL}',
        auth: { mode: 'none' },
        timeouts_ms: { connect: 2000, read: 5000 },
        retry: { max_attempts: 1, backoff_ms: 1 },
        allow_private_addresses: true,
        ...upstream,
      },
    },
    api: {
      routes: [
        {
          id: 'get',
          method: 'GET',
          path: '/files/{name}',
          tags: [],
          summary: 'A file, from here or from the upstream.',
          pipeline: [
            { op: 'kv.get', args: { ...file, out: 'file' } },
            {
              op: 'flow.if',
              args: {
                test: { is_not_null: '$file' },
                then: [
                  { op: 'blob.get', args: { digest: '$file.digest', size: '$file.size', out: 'own' } },
                  { op: 'respond.bytes', args: { body: '$own', headers: { 'X-From': 'here' } } },
                ],
              },
            },
            {
              op: 'blob.fill',
              args: {
                upstream: 'origin',
                path: '/{name}',
                key: '{name}',
                expect,
                headers: { 'X-From': 'upstream' },
                out: 'blob',
                ...args,
                then: then ?? commit,
              },
              catch: {
                UPSTREAM_STATUS: [
                  {
                    op: 'respond.error',
                    args: { code: 'NOT_FOUND' },
                    when: { equals: ['$error.details.status', 404] },
                  },
                  { op: 'respond.error', args: { code: 'UPSTREAM_STATUS', status: 502 } },
                ],
              },
            },
          ],
        },
      ],
    },
  };
}

export interface FillRegistry extends TestRegistry {
  readonly url: string;
  /** Digests of the blobs that are left after a sweep. */
  blobs(): Promise<readonly string[]>;
}

/** A registry that fetches what it has not, over real HTTP on both sides. */
export async function openFillRegistry(options: FillOptions): Promise<FillRegistry> {
  const { kind, origin, seams, data } = options;
  const opened = await openTestRegistry(fillDefinition(options), {
    kind,
    env: { ORIGIN_URL: origin.url },
    ...(seams === undefined ? {} : { seams }),
    ...(data === undefined ? {} : { data }),
  });
  const { registry } = opened;
  const { url } = await serveRegistry(registry);
  return {
    ...opened,
    url,
    async blobs() {
      await registry.sweep();
      return (await registry.runtime.blobStore('primary').list(null, 100)).map(({ digest }) => digest);
    },
  };
}

export interface Download {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
  /** The response came to a clean end. */
  readonly whole: boolean;
}

/** An answer whose body is read when somebody says so. */
export interface Reading {
  readonly incoming: IncomingMessage;
  /** The next bytes that come; null at the end, clean or not. */
  next(): Promise<Buffer | null>;
  rest(): Promise<Download>;
  leave(): void;
}

export async function startReading(url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const outgoing = request(url, { agent: false, ...options }).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  outgoing.on('error', () => undefined);
  const chunks: Buffer[] = [];
  const pieces = incoming[Symbol.asyncIterator]();
  const next = async (): Promise<Buffer | null> => {
    try {
      const step = await pieces.next();
      if (step.done === true) return null;
      chunks.push(step.value);
      return step.value;
    } catch {
      return null;
    }
  };
  const reading: Reading = {
    incoming,
    next,
    async rest() {
      while ((await next()) !== null);
      const { statusCode = 0, headers, complete } = incoming;
      return { status: statusCode, headers, bytes: Buffer.concat(chunks), whole: complete };
    },
    leave: () => outgoing.destroy(),
  };
  return reading;
}

export async function download(...parameters: Parameters<typeof startReading>): Promise<Download> {
  return (await startReading(...parameters)).rest();
}

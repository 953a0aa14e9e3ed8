import { readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Logger } from '../../../src/main.ts';
import { startServer } from '../../adapters/upstream-server.ts';
import { DEFAULT_REGISTRY, packagesRegistry } from '../../support/packages-registry.ts';
import { openRawConnection } from '../../support/raw-request.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type StoreKind, type TestRegistry } from '../../support/registry.ts';
import { digestOf, expectUnchanged, stateOf } from '../../support/registry-state.ts';
import { serveRegistry } from '../../support/serve-registry.ts';

const BLOB = '/v1/acme/tool/1.0.0/any/blob';
const PROXIED = '/v1/proxy/acme/tool/1.0.0/any/blob';

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function openProxy(
  kind: StoreKind,
  url: string,
  upstream: object = {},
  patch: object = {},
  log?: Logger,
): Promise<TestRegistry> {
  const origin = {
    allow_private_addresses: true,
    retry: { max_attempts: 1, backoff_ms: 1 },
    circuit: { failures: 1000, open_ms: 1 },
    ...upstream,
  };
  return openTestRegistry(packagesRegistry({ upstreams: { origin }, ...patch }), {
    kind,
    env: { ENTREPOT_ORIGIN_URL: url },
    ...(log === undefined ? {} : { log }),
  });
}

/** An upstream that answers as it is told. */
async function openUpstream(answer: Answer) {
  const upstream = await startServer(answer);
  onTestFinished(() => upstream.close());
  return upstream;
}

/** A callback that lets everybody who waits go, once `count` are there. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let there = 0;
  return () => {
    if (++there >= count) resolve();
    return promise;
  };
}

/** Nothing that was being written is left over. */
function expectNoTemporaryFiles({ data }: TestRegistry, kind: StoreKind): void {
  if (kind === 'sqlite') expect(readdirSync(join(data, 'blobs/tmp'))).toEqual([]);
}

async function expectRefused(proxy: TestRegistry, kind: StoreKind, status: number, code: string): Promise<void> {
  const before = await stateOf(proxy.registry);
  const response = await proxy.send('GET', PROXIED);
  expect({ status: response.status, code: response.json.error?.code }).toEqual({ status, code });
  expectUnchanged(before, await stateOf(proxy.registry), PROXIED);
  expectNoTemporaryFiles(proxy, kind);
}

describe.each(STORE_KINDS)('fetching through an upstream, on %s', (kind) => {
  test('keeps what another registry has, and serves it when that is gone', async () => {
    const origin = await openTestRegistry(DEFAULT_REGISTRY, { kind });
    const server = await serveRegistry(origin.registry);
    const content = Buffer.alloc(300_000, 'abcdefg');
    await origin.send('PUT', BLOB, { body: content, headers: { ...ADMIN, 'content-type': 'application/gzip' } });
    const proxy = await openProxy(kind, server.url);

    const first = await proxy.send('GET', '/v1/proxy/ACME/Tool/1.0.0/any/blob');
    expect(first).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/gzip', 'content-length': '300000' },
    });
    expect(first.bytes.equals(content)).toBe(true);
    await server.close(0);
    for (const path of [PROXIED, BLOB]) {
      const again = await proxy.send('GET', path);
      expect(again.bytes.equals(content)).toBe(true);
      expect(again.headers.etag).toBe(first.headers.etag);
    }
    expect((await proxy.send('GET', '/v1/proxy/acme/tool/2.0.0/any/blob')).status).toBe(502);
    const { events, records } = await stateOf(proxy.registry);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'packages.cached',
        version: '1.0.0',
        blob_digest: digestOf(content),
        blob_size: 300_000,
      }),
    ]);
    expect(records['packages.artifact']).toMatchObject([
      { created_by: 'proxy:origin', media_type: 'application/gzip' },
    ]);
    expect((await proxy.send('GET', '/v1/acme/tool/latest')).json.version).toBe('1.0.0');
  });

  test('looks here first, and does not ask for what was deleted here', async () => {
    const upstream = await openUpstream((_request, response) => response.end('from upstream'));
    const proxy = await openProxy(kind, upstream.origin);
    await proxy.send('PUT', BLOB, { body: 'from here', headers: ADMIN });
    expect((await proxy.send('GET', PROXIED)).text).toBe('from here');
    await proxy.send('DELETE', BLOB, { headers: ADMIN });
    await expectRefused(proxy, kind, 404, 'NOT_FOUND');
    expect(upstream.requests).toEqual([]);
  });

  test('answers a HEAD with what a GET would say', async () => {
    const upstream = await openUpstream((_request, response) => response.end('content'));
    const proxy = await openProxy(kind, upstream.origin);
    const head = await proxy.send('HEAD', PROXIED);
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': '7' } });
    const get = await proxy.send('GET', PROXIED, { headers: { 'if-none-match': String(head.headers.etag) } });
    expect(get).toMatchObject({ status: 304, text: '' });
  });

  test('sends no credentials of the client on', async () => {
    const upstream = await openUpstream((_request, response) => response.end('content'));
    const proxy = await openProxy(kind, upstream.origin);
    await proxy.send('GET', PROXIED, { headers: { ...ADMIN, cookie: 'a=b' } });
    expect(upstream.requests).toMatchObject([{ line: `GET ${BLOB}` }]);
    expect(upstream.requests[0]?.headers).not.toMatchObject({ authorization: expect.anything() });
    expect(upstream.requests[0]?.headers).not.toMatchObject({ cookie: expect.anything() });
  });

  test('is off where the features say so, but what is here is served', async () => {
    const upstream = await openUpstream((_request, response) => response.end('from upstream'));
    const proxy = await openProxy(kind, upstream.origin, {}, { features: { proxy_enabled: false } });
    await expectRefused(proxy, kind, 404, 'NOT_FOUND');
    await proxy.send('PUT', BLOB, { body: 'from here', headers: ADMIN });
    expect((await proxy.send('GET', PROXIED)).text).toBe('from here');
    expect(upstream.requests).toEqual([]);
  });

  test('finds nothing where no upstream is configured', async () => {
    await expectRefused(await openTestRegistry(DEFAULT_REGISTRY, { kind }), kind, 404, 'NOT_FOUND');
  });

  test('goes to no private address unless it may', async () => {
    const upstream = await openUpstream((_request, response) => response.end('secret'));
    const proxy = await openProxy(kind, upstream.origin, { allow_private_addresses: false });
    await expectRefused(proxy, kind, 502, 'UPSTREAM_ADDRESS_REFUSED');
    expect(upstream.requests).toEqual([]);
  });

  const LARGE = Buffer.alloc(200_000, 'x');
  const answers: readonly (readonly [string, number, string, Answer])[] = [
    ['404', 404, 'NOT_FOUND', (_request, response) => response.writeHead(404).end('no')],
    ['500', 502, 'UPSTREAM_ERROR', (_request, response) => response.writeHead(500).end('broken')],
    ['401', 502, 'UPSTREAM_ERROR', (_request, response) => response.writeHead(401).end('who?')],
    ['204', 502, 'UPSTREAM_ERROR', (_request, response) => response.writeHead(204).end()],
    ['206', 502, 'UPSTREAM_ERROR', (_request, response) => response.writeHead(206).end('part')],
    [
      'a small body cut short',
      502,
      'UPSTREAM_INVALID',
      (_request, response) => cut(response, { 'content-length': '1000' }, 'begin'),
    ],
    [
      'a large body cut short',
      502,
      'UPSTREAM_INVALID',
      (_request, response) => cut(response, { 'content-length': '300000' }, LARGE),
    ],
    ['a chunked body cut short', 502, 'UPSTREAM_INVALID', (_request, response) => cut(response, {}, LARGE)],
    ['no answer at all', 502, 'UPSTREAM_UNREACHABLE', (request) => request.socket.destroy()],
    [
      'more than is taken, declared',
      502,
      'UPSTREAM_TOO_LARGE',
      (_request, response) => response.end(Buffer.alloc(400_001)),
    ],
    [
      'more than is taken, chunked',
      502,
      'UPSTREAM_TOO_LARGE',
      (_request, response) => response.writeHead(200).end(Buffer.alloc(400_001)),
    ],
    [
      'bytes that do not have their digest',
      502,
      'UPSTREAM_INVALID',
      (_request, response) => response.writeHead(200, { etag: `"${digestOf('other')}"` }).end('content'),
    ],
  ];

  test.each(answers)('leaves nothing behind after %s', async (_name, status, code, answer) => {
    const upstream = await openUpstream(answer);
    const proxy = await openProxy(kind, upstream.origin, { max_response_bytes: 400_000 });
    await expectRefused(proxy, kind, status, code);
    expect(upstream.requests.length).toBe(1);
  });

  test('gives up on one that does not go on', async () => {
    const upstream = await openUpstream(
      (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('begin'),
    );
    const proxy = await openProxy(kind, upstream.origin, { timeouts_ms: { connect: 500, read: 100 } });
    await expectRefused(proxy, kind, 504, 'UPSTREAM_TIMEOUT');
  });

  test('finds nobody where the upstream is down', async () => {
    const upstream = await startServer(() => {});
    await upstream.close();
    await expectRefused(await openProxy(kind, upstream.origin), kind, 502, 'UPSTREAM_UNREACHABLE');
  });

  test('a client that leaves takes its fetch along, and is no failure', async () => {
    const asked = Promise.withResolvers<IncomingMessage>();
    const upstream = await openUpstream((request, response) => {
      response.writeHead(200, { 'content-length': '300000' }).write(LARGE);
      asked.resolve(request);
    });
    const log: unknown[] = [];
    const note = (_entry: object, message: string) => void log.push(message);
    const proxy = await openProxy(kind, upstream.origin, {}, {}, { error: note, warn: note });
    const server = await serveRegistry(proxy.registry);
    const before = await stateOf(proxy.registry);
    const client = await openRawConnection(server.port);
    client.send(`GET ${PROXIED} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { socket } = await asked.promise;
    const gone = new Promise((resolve) => socket.once('close', resolve));
    client.close();
    await gone;
    await server.close();
    expectUnchanged(before, await stateOf(proxy.registry), PROXIED);
    expectNoTemporaryFiles(proxy, kind);
    expect(log).toEqual([]);
  });

  test('lets one of several who fetch at once win, and gives its bytes to all', async () => {
    const everybody = meeting(8);
    const upstream = await openUpstream(async (_request, response, count) => {
      await everybody();
      response.end(`answer ${count}`);
    });
    const proxy = await openProxy(kind, upstream.origin);
    const responses = await Promise.all(Array.from({ length: 8 }, () => proxy.send('GET', PROXIED)));
    const texts = new Set(responses.map(({ text }) => text));
    expect(responses.map(({ status }) => status)).toEqual(new Array(8).fill(200));
    expect(texts.size).toBe(1);
    const { events, blobs, records } = await stateOf(proxy.registry);
    expect(events.length).toBe(1);
    expect(records['packages.artifact']?.length).toBe(1);
    expect(blobs).toEqual([digestOf([...texts].join())]);
    expectNoTemporaryFiles(proxy, kind);
  });

  test('yields to who publishes, and to who deletes, while it fetches', async () => {
    const meanwhile: (() => Promise<unknown>)[] = [];
    const upstream = await openUpstream(async (_request, response) => {
      for (const action of meanwhile) await action();
      response.end('from upstream');
    });
    const proxy = await openProxy(kind, upstream.origin);
    meanwhile.push(() => proxy.send('PUT', BLOB, { body: 'from here', headers: ADMIN }));
    expect(await proxy.send('GET', PROXIED)).toMatchObject({ status: 200, text: 'from here' });
    const { blobs } = await stateOf(proxy.registry);
    expect(blobs).toEqual([digestOf('from here')]);

    const other = await openProxy(kind, upstream.origin);
    meanwhile.splice(0, 1, () => other.send('PUT', BLOB, { body: 'x', headers: ADMIN }));
    meanwhile.push(() => other.send('DELETE', BLOB, { headers: ADMIN }));
    const gone = await other.send('GET', PROXIED);
    expect({ status: gone.status, code: gone.json.error.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
    expect((await stateOf(other.registry)).events.map(({ type }) => type)).toEqual([
      'packages.published',
      'packages.deleted',
    ]);
  });
});

/** Sends a part of a body, and hangs up once it is on its way. */
function cut(response: ServerResponse, headers: Record<string, string>, part: string | Buffer): void {
  response.writeHead(200, headers);
  response.write(part, () => response.destroy());
}

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { openTestRegistry } from '../support/registry.ts';

function definition(pipeline: readonly object[]): object {
  return {
    schema_version: '1.0',
    type_id: 'test.proxy',
    storage: { kv_stores: { meta: { kind: 'memory' } } },
    env: ['ORIGIN_URL'],
    upstreams: {
      origin: {
        base_url: '{env.ORIGIN_URL}',
        auth: { mode: 'none' },
        timeouts_ms: { connect: 2000, read: 5000 },
        retry: { max_attempts: 1, backoff_ms: 1 },
        allow_private_addresses: true,
      },
    },
    api: { routes: [{ id: 'fetch', method: 'GET', path: '/fetch', tags: [], summary: 'fetch', pipeline }] },
  };
}

async function startOrigin(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a body that nobody reads is let go of when the request is over', async () => {
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  const url = await startOrigin((_request, response) => {
    response.on('close', onGone);
    // Never ends: only the other side can close this.
    response.writeHead(200, { 'content-length': 1e9 });
    response.write('x'.repeat(1024));
  });
  const { send } = await openTestRegistry(
    definition([
      { op: 'proxy.fetch', args: { upstream: 'origin', path: '/endless', out: 'answer' } },
      { op: 'respond.json', args: { body: { status: '$answer.status', size: '$answer.size' } } },
    ]),
    { kind: 'memory', env: { ORIGIN_URL: url } },
  );
  expect((await send('GET', '/fetch')).json).toEqual({ status: 200, size: 1e9 });
  await gone;
});

test('an answer to HEAD has the size that was stated, and no bytes', async () => {
  const methods: (string | undefined)[] = [];
  const url = await startOrigin((request, response) => {
    methods.push(request.method);
    response.writeHead(200, { 'content-length': 5, 'x-kind': 'a' });
    response.end();
  });
  const { send } = await openTestRegistry(
    definition([
      { op: 'proxy.fetch', args: { upstream: 'origin', method: 'HEAD', path: '/thing', out: 'answer' } },
      {
        op: 'respond.bytes',
        args: { body: '$answer.body', headers: { 'X-Size': '{answer.size}', 'X-Kind': "{answer.headers['x-kind']}" } },
      },
    ]),
    { kind: 'memory', env: { ORIGIN_URL: url } },
  );
  const response = await send('GET', '/fetch');
  expect(methods).toEqual(['HEAD']);
  expect(response.headers).toMatchObject({ 'x-size': '5', 'x-kind': 'a', 'content-length': '0' });
});

test('a small answer can be sent on and kept at once', async () => {
  const url = await startOrigin((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 });
    response.end('hello');
  });
  const entry = { kind: 'response', key: 'thing' };
  const { send } = await openTestRegistry(
    definition([
      { op: 'cache.get', args: { ...entry, hit_out: 'hit', value_out: 'kept' } },
      {
        op: 'respond.bytes',
        args: { body: '$kept.body', headers: { 'X-Cache': 'hit' }, when: { equals: ['$hit', true] } },
      },
      { op: 'proxy.fetch', args: { upstream: 'origin', path: '/thing', out: 'answer' } },
      { op: 'cache.put', args: { ...entry, value: { body: '$answer.body' }, ttl_seconds: 60 } },
      { op: 'respond.bytes', args: { body: '$answer.body', headers: { 'X-Cache': 'miss' } } },
    ]),
    { kind: 'memory', env: { ORIGIN_URL: url } },
  );
  const first = await send('GET', '/fetch');
  const second = await send('GET', '/fetch');
  expect([first.headers['x-cache'], first.text]).toEqual(['miss', 'hello']);
  expect([second.headers['x-cache'], second.text]).toEqual(['hit', 'hello']);
  expect(second.headers['content-type']).toBe('text/plain');
});

test('large JSON comes compressed, and is not sent again while the upstream says that it is the same', async () => {
  const json = JSON.stringify({ versions: Array.from({ length: 50_000 }, (_, at) => ({ version: `1.${at}.0` })) });
  const zipped = gzipSync(json);
  const codings: (string | undefined)[] = [];
  const url = await startOrigin((request, response) => {
    codings.push(String(request.headers['accept-encoding']));
    if (request.headers['if-none-match'] === '"v1-gzip"') {
      response.writeHead(304, { etag: '"v1-gzip"', 'cache-control': 'max-age=5' }).end();
    } else {
      response.writeHead(200, {
        etag: '"v1-gzip"',
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': zipped.length,
      });
      response.end(zipped);
    }
  });
  const { send } = await openTestRegistry(
    definition([
      {
        op: 'proxy.fetch',
        args: {
          upstream: 'origin',
          path: '/thing',
          headers: { 'If-None-Match': "$request.headers['x-known']" },
          out: 'answer',
        },
      },
      {
        op: 'respond.text',
        when: { equals: ['$answer.status', 304] },
        args: { body: "{answer.headers.etag} {answer.headers['cache-control']} {answer.size}" },
      },
      {
        op: 'respond.bytes',
        args: {
          body: '$answer.body',
          headers: {
            'X-Size': '{answer.size?}',
            'X-Coding': "{answer.headers['content-encoding']?}",
            'X-Etag': '$answer.headers.etag',
          },
        },
      },
    ]),
    { kind: 'memory', env: { ORIGIN_URL: url } },
  );
  const first = await send('GET', '/fetch');
  expect(first.text).toBe(json);
  expect(first.headers['content-type']).toBe('application/json');
  for (const name of ['x-size', 'x-coding', 'content-length']) expect(first.headers[name]).toBeUndefined();
  const second = await send('GET', '/fetch', { headers: { 'x-known': first.headers['x-etag'] ?? '' } });
  expect(second.text).toBe('"v1-gzip" max-age=5 0');
  expect(codings).toEqual(['gzip', 'gzip']);
});

test('what lies on another host is fetched by its address', async () => {
  const host = await startOrigin((request, response) =>
    response.end(`${request.url} ${request.headers.authorization}`),
  );
  const url = await startOrigin((_request, response) => response.end('own'));
  const { send } = await openTestRegistry(
    definition([
      { op: 'proxy.fetch', args: { upstream: 'origin', url: "$request.headers['x-file']", out: 'file' } },
      { op: 'respond.bytes', args: { body: '$file.body' } },
    ]),
    { kind: 'memory', env: { ORIGIN_URL: url } },
  );
  const fetched = async (address: string) => send('GET', '/fetch', { headers: { 'x-file': address } });
  expect((await fetched(`${host}/files/a%20b?x=1`)).text).toBe('/files/a%20b?x=1 undefined');
  expect((await fetched(`${url}/any`)).text).toBe('own');
  expect((await fetched('file:///etc/passwd')).status).toBe(502);
});

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
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

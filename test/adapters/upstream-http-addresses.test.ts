import type { LookupAddress } from 'node:dns';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpUpstreamOptions } from '../../src/adapters/upstream/http.ts';
import { openTestUpstream, readBody, request, startServer, type TestServer } from './upstream-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...parameters);
  closing.push(server.close);
  return server;
}

function open(baseUrl: string, options: Partial<HttpUpstreamOptions> = {}) {
  const upstream = openTestUpstream(baseUrl, options);
  closing.push(upstream.close);
  return upstream;
}

const at = (url: string, headers = {}) => request('/never', { url, headers });
const BASIC = { mode: 'basic', username: 'user', password: 'word' } as const;

describe('addresses beyond the base URL of an http upstream', () => {
  it('reach other hosts and other places of the same one, and leave the path alone', async () => {
    const other = await serve((_, response) => response.end('there'));
    const own = await serve((_, response) => response.end('here'));
    const upstream = open(`${own.origin}/base`);
    expect(await readBody(await upstream.fetch(at(`${other.origin}/a%2Fb?x=%20#part`)))).toBe('there');
    expect(await readBody(await upstream.fetch(at(`${own.origin}/else`)))).toBe('here');
    expect(other.requests[0]?.line).toBe('GET /a%2Fb?x=%20');
    expect(own.requests[0]?.line).toBe('GET /else');
  });

  it('are shown credentials only where they are those of the base URL: scheme, host and port', async () => {
    const other = await serve((_, response) => response.end());
    const own = await serve((_, response) => response.end());
    const upstream = open(`${own.origin}/base`, { auth: BASIC });
    const headers = { cookie: 'a=b', Authorization: 'Bearer mine', accept: 'text/x' };
    await upstream.fetch(at(`${own.origin}/else`, headers));
    await upstream.fetch(at(`${other.origin}/x`, headers));
    // Another name for the same address is another host.
    await upstream.fetch(at(`http://localhost:${own.port}/x`, headers));
    await upstream.fetch(at(other.origin.replace('//', '//user:word@'), headers));
    const seen = [...own.requests, ...other.requests].map(({ headers: sent }) => [
      sent.authorization !== undefined,
      sent.cookie !== undefined,
      sent.accept,
    ]);
    expect(seen).toEqual([
      [true, true, 'text/x'],
      [false, false, 'text/x'],
      [false, false, 'text/x'],
      [false, false, 'text/x'],
    ]);
  });

  it('are shown none when they redirect to the base URL', async () => {
    const own = await serve((_, response) => response.end('end'));
    const other = await serve((_, response) => response.writeHead(302, { location: `${own.origin}/end` }).end());
    const upstream = open(own.origin, { auth: BASIC });
    expect(await readBody(await upstream.fetch(at(other.origin)))).toBe('end');
    expect(own.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each(['http://127.0.0.1:1/x', 'http://10.0.0.1/', 'http://[::1]/', 'http://2130706433/', 'http://inside.test/'])(
    'do not reach %s where the upstream does not allow that',
    async (url) => {
      const loopback: LookupAddress[] = [{ address: '127.0.0.1', family: 4 }];
      const upstream = open('http://public.test', {
        allowPrivateAddresses: false,
        resolve: (_host, _options, done) => done(null, loopback),
      });
      await expect(upstream.fetch(at(url))).rejects.toMatchObject({
        code: 'UPSTREAM_ADDRESS_REFUSED',
        message: expect.not.stringContaining('1'),
        cause: { message: expect.stringContaining('needs "allow_private_addresses": true') },
      });
    },
  );

  it('are not said to need what would not help', async () => {
    const upstream = open('http://public.test', { allowPrivateAddresses: true });
    const cause = { message: '0.0.0.0 stands for 0.0.0.0, an address that is not allowed (unspecified)' };
    await expect(upstream.fetch(at('http://0.0.0.0/'))).rejects.toMatchObject({ cause });
  });

  it.each([
    'file:///etc/passwd',
    'ftp://host/x',
    'javascript:1',
    '/x',
    'host/x',
    'http://',
    'http://a b/',
    ' http://a/',
  ])('are no %j', async (url) => {
    const own = await serve((_, response) => response.end());
    await expect(open(own.origin).fetch(at(url))).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
    expect(own.requests).toEqual([]);
  });

  it('are tried again like paths, and bounded in size', async () => {
    const own = await serve((_, response) => response.end());
    const other = await serve((_, response, count) =>
      response.writeHead(count < 3 ? 503 : 200, { 'content-length': 50 }).end('x'.repeat(50)),
    );
    const upstream = open(own.origin, { maxAttempts: 3, maxResponseBytes: 49 });
    await expect(upstream.fetch(at(other.origin))).rejects.toMatchObject({ code: 'UPSTREAM_TOO_LARGE' });
    expect(other.requests).toHaveLength(3);
  });

  it('that fail do not keep the upstream itself from being asked', async () => {
    const own = await serve((_, response) => response.end('fine'));
    const other = await serve((_, response) => response.writeHead(500).end());
    const upstream = open(own.origin, { circuit: { failures: 2, openMs: 10_000 } });
    for (let count = 0; count < 2; count++) expect((await upstream.fetch(at(other.origin))).status).toBe(500);
    await expect(upstream.fetch(at(other.origin))).rejects.toMatchObject({ code: 'UPSTREAM_CIRCUIT_OPEN' });
    expect(await readBody(await upstream.fetch(request('/')))).toBe('fine');
  });
});

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpUpstreamOptions } from '../../src/adapters/upstream/http.ts';
import type { UpstreamRequest } from '../../src/ports/upstream.ts';
import {
  createQuickClock,
  openTestUpstream,
  readBody,
  request,
  startServer,
  type TestServer,
} from './upstream-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...parameters);
  closing.push(server.close);
  return server;
}

function open(baseUrl: string | null, options: Partial<HttpUpstreamOptions> = {}) {
  const upstream = openTestUpstream(baseUrl, options);
  closing.push(upstream.close);
  return upstream;
}

describe('http upstream', () => {
  it('answers with status, headers, size and body', async () => {
    const server = await serve((_, response) => {
      response.writeHead(404, { 'Content-Length': '5', 'X-Many': ['a', 'b'], __proto__: 'x' }).end('hello');
    });
    const response = await open(server.origin).fetch(request('/a%2Fb?x=%20'));
    expect(response).toMatchObject({ status: 404, size: 5, headers: { 'x-many': 'a, b' } });
    expect(await readBody(response)).toBe('hello');
    expect(server.requests[0]).toMatchObject({ line: 'GET /a%2Fb?x=%20', headers: { 'accept-encoding': 'identity' } });
  });

  it('sends method, headers and body, and not what belongs to the connection', async () => {
    const server = await serve((_, response) => response.end());
    const headers = { Accept: 'text/x', Host: 'elsewhere', 'Content-Length': '99', 'Accept-Encoding': 'gzip' };
    const body = Buffer.from('content');
    await readBody(await open(server.origin).fetch(request('/', { method: 'POST', headers, body })));
    expect(server.requests[0]).toMatchObject({
      line: 'POST /',
      body: 'content',
      headers: {
        accept: 'text/x',
        host: `127.0.0.1:${server.port}`,
        'content-length': '7',
        'accept-encoding': 'identity',
      },
    });
  });

  it('leaves a content coding alone, and knows no size then', async () => {
    const zipped = gzipSync('hello');
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
    });
    const response = await open(server.origin).fetch(request('/'));
    expect(response.size).toBeNull();
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(zipped);
  });

  it('gives the size of a HEAD without a body, however large', async () => {
    const server = await serve((_, response) => response.writeHead(200, { 'content-length': '5000000' }).end());
    const response = await open(server.origin).fetch(request('/', { method: 'HEAD' }));
    expect(response.size).toBe(5_000_000);
    expect(await readBody(response)).toBe('');
  });

  it('is not configured without an address', async () => {
    await expect(open(null).fetch(request('/'))).rejects.toMatchObject({ code: 'UPSTREAM_NOT_CONFIGURED' });
  });

  it.each(['nonsense', 'ftp://host/', 'http://user:word@host/', 'http://host/?x', 'http://host/#x'])(
    'refuses the address %s',
    (baseUrl) => {
      expect(() => openTestUpstream(baseUrl)).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }));
    },
  );

  it.each(['/../x', '/%2e%2e/x', '/a/../../x', '\\x', '/a b', '/a#b', '/a\nb', '..'])(
    'lets no path out of its base: %j',
    async (path) => {
      const server = await serve((_, response) => response.end());
      const upstream = open(`${server.origin}/base/`);
      await expect(upstream.fetch(request(path))).rejects.toMatchObject({ code: 'BAD_PATH' });
      expect(server.requests).toEqual([]);
    },
  );

  it.each([
    ['//elsewhere/x', '/base//elsewhere/x'],
    ['http://elsewhere/x', '/base/http://elsewhere/x'],
    ['@elsewhere/x', '/base/@elsewhere/x'],
    [':80/x', '/base/:80/x'],
    ['', '/base/'],
  ])('reads %j as a path below its base', async (path, line) => {
    const server = await serve((_, response) => response.end());
    await readBody(await open(`${server.origin}/base`).fetch(request(path)));
    expect(server.requests[0]?.line).toBe(`GET ${line}`);
  });

  it.each([
    { method: 'GET /x' },
    { headers: { 'x y': '1' } },
    { headers: { x: 'a\r\nb: c' } },
  ] as Partial<UpstreamRequest>[])('refuses %j', async (bad) => {
    await expect(open('http://127.0.0.1:9').fetch(request('/', bad))).rejects.toMatchObject({ code: 'VALUE_INVALID' });
  });

  describe('bounds', () => {
    it('refuses a declared size above the bound before reading', async () => {
      const server = await serve((_, response) =>
        response.writeHead(200, { 'content-length': '1001' }).end('x'.repeat(1001)),
      );
      const upstream = open(server.origin, { maxResponseBytes: 1000 });
      await expect(upstream.fetch(request('/'))).rejects.toMatchObject({ code: 'UPSTREAM_TOO_LARGE' });
    });

    it('stops an answer that does not end', async () => {
      const server = await serve((_, response) => {
        const timer = setInterval(() => response.write('x'.repeat(500)), 1);
        response.on('close', () => clearInterval(timer));
      });
      const response = await open(server.origin, { maxResponseBytes: 2000 }).fetch(request('/'));
      await expect(readBody(response)).rejects.toMatchObject({ code: 'UPSTREAM_TOO_LARGE' });
    });

    it.each([{ 'content-length': '1000' }, { 'transfer-encoding': 'chunked' }])(
      'notices a body cut short: %j',
      async (headers) => {
        const server = await serve((_, response) => {
          response.writeHead(200, headers).write('x'.repeat(10), () => response.destroy());
        });
        const response = await open(server.origin).fetch(request('/'));
        await expect(readBody(response)).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
      },
    );

    it('takes what is not HTTP for invalid', async () => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n'));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(async () => server.close());
      const { port } = server.address() as AddressInfo;
      await expect(open(`http://127.0.0.1:${port}`).fetch(request('/'))).rejects.toMatchObject({
        code: 'UPSTREAM_INVALID',
      });
    });

    it('waits for the head only so long', async () => {
      const server = await serve(() => undefined);
      const fetching = open(server.origin, { readTimeoutMs: 50 }).fetch(request('/'));
      await expect(fetching).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    });

    it('waits for each piece only so long, and as long as pieces come', async () => {
      const server = await serve((incoming, response) => {
        let left = incoming.url === '/slow' ? 5 : 1;
        const timer = setInterval(() => {
          if (left-- > 0) response.write('x');
          else if (incoming.url === '/slow') response.end();
        }, 100);
        response.on('close', () => clearInterval(timer));
      });
      const upstream = open(server.origin, { readTimeoutMs: 300 });
      expect(await readBody(await upstream.fetch(request('/slow')))).toBe('xxxxx');
      const stalled = await upstream.fetch(request('/stalled'));
      await expect(readBody(stalled)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    });

    it('does not read further than its reader', async () => {
      let sent = 0;
      const server = await serve((_, response) => {
        const more = () => {
          while (sent < 60_000_000) {
            sent += 100_000;
            if (!response.write(Buffer.alloc(100_000))) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      });
      const response = await open(server.origin, { maxResponseBytes: 1e9, readTimeoutMs: 100 }).fetch(request('/'));
      const reading = response.body[Symbol.asyncIterator]();
      await reading.next();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(sent).toBeLessThan(30_000_000);
      // A reader that takes its time is no time-out.
      let size = 0;
      for (let step = await reading.next(); step.done !== true; step = await reading.next()) size += step.value.length;
      expect(size).toBeGreaterThan(59_000_000);
    });

    it('ends with its signal: before, at the head, in the body', async () => {
      const reason = new Error('The client went away');
      const server = await serve((incoming, response) => {
        if (incoming.url === '/body') response.write('x');
      });
      const upstream = open(server.origin, { maxAttempts: 3 });
      await expect(upstream.fetch(request('/', { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
      expect(server.requests).toEqual([]);
      const head = new AbortController();
      const asked = upstream.fetch(request('/', { signal: head.signal }));
      // Held at once: the reason must not be nobody's while the request is waited for.
      const refused = expect(asked).rejects.toBe(reason);
      await expect.poll(() => server.requests.length, { timeout: 10_000 }).toBe(1);
      head.abort(reason);
      await refused;
      const body = new AbortController();
      const response = await upstream.fetch(request('/body', { signal: body.signal }));
      setTimeout(() => body.abort(reason), 20);
      await expect(readBody(response)).rejects.toBe(reason);
      expect(server.requests).toHaveLength(2);
    });

    it('closes the connection of a body that is destroyed', async () => {
      let closed: () => void;
      const isClosed = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const server = await serve((_, response) => {
        response.write('x');
        response.on('close', () => closed());
      });
      const response = await open(server.origin, { readTimeoutMs: 60_000 }).fetch(request('/'));
      response.body.destroy();
      await isClosed;
    });
  });

  describe('attempts', () => {
    it('tries a GET again on 5xx, 429 and broken connections, waiting longer each time', async () => {
      const server = await serve((_, response, count) => {
        if (count === 1) response.writeHead(500).end();
        else if (count === 2) response.writeHead(429).end();
        else if (count === 3) response.destroy();
        else response.end('fine');
      });
      const clock = createQuickClock();
      const response = await open(server.origin, { maxAttempts: 5, clock }).fetch(request('/'));
      expect(await readBody(response)).toBe('fine');
      expect(server.requests).toHaveLength(4);
      for (const [index, bound] of [100, 200, 400].entries()) {
        expect(clock.slept[index]).toBeLessThanOrEqual(bound);
        expect(clock.slept[index]).toBeGreaterThanOrEqual(bound / 2);
      }
    });

    it('answers with the last 5xx when no attempt is left', async () => {
      const server = await serve((_, response, count) => response.writeHead(503).end(String(count)));
      const response = await open(server.origin, { maxAttempts: 3 }).fetch(request('/'));
      expect([response.status, await readBody(response)]).toEqual([503, '3']);
    });

    it.each(['POST', 'PUT', 'DELETE'])('tries a %s once', async (method) => {
      const server = await serve((_, response) => response.writeHead(503).end());
      expect((await open(server.origin, { maxAttempts: 3 }).fetch(request('/', { method }))).status).toBe(503);
      expect(server.requests).toHaveLength(1);
    });

    it('tries no other status again', async () => {
      const server = await serve((_, response) => response.writeHead(404).end());
      expect((await open(server.origin, { maxAttempts: 3 }).fetch(request('/'))).status).toBe(404);
      expect(server.requests).toHaveLength(1);
    });

    it('waits as Retry-After says, in seconds or until a date', async () => {
      const clock = createQuickClock();
      const server = await serve((_, response, count) => {
        if (count === 1) response.writeHead(429, { 'retry-after': '3' }).end();
        else if (count === 2)
          response.writeHead(503, { 'retry-after': new Date(clock.now() + 5000).toUTCString() }).end();
        else response.end();
      });
      await open(server.origin, { maxAttempts: 3, clock }).fetch(request('/'));
      expect(clock.slept[0]).toBe(3000);
      expect(clock.slept[1]).toBeGreaterThan(3900);
      expect(clock.slept[1]).toBeLessThanOrEqual(5000);
    });

    it('does not wait for an hour, but answers', async () => {
      const server = await serve((_, response) => response.writeHead(429, { 'retry-after': '3600' }).end());
      const response = await open(server.origin, { maxAttempts: 3 }).fetch(request('/'));
      expect([response.status, response.headers['retry-after'], server.requests.length]).toEqual([429, '3600', 1]);
    });

    it('says that nobody listens', async () => {
      const server = await startServer(() => undefined);
      await server.close();
      const clock = createQuickClock();
      const upstream = open(server.origin, { maxAttempts: 3, clock });
      await expect(upstream.fetch(request('/'))).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
      expect(clock.slept).toHaveLength(2);
    });
  });

  describe('circuit', () => {
    it('opens after failures in a row, lets one trial through, and closes after a good one', async () => {
      let isSick = true;
      const server = await serve((_, response) => response.writeHead(isSick ? 500 : 200).end());
      const clock = createQuickClock();
      const upstream = open(server.origin, { circuit: { failures: 3, openMs: 10_000 }, clock });
      const fetchStatus = async () => (await upstream.fetch(request('/'))).status;
      isSick = false;
      await fetchStatus();
      isSick = true;
      for (let count = 0; count < 3; count++) expect(await fetchStatus()).toBe(500);
      const open503 = { code: 'UPSTREAM_CIRCUIT_OPEN', headers: { 'retry-after': '10' } };
      await expect(fetchStatus()).rejects.toMatchObject(open503);
      expect(server.requests).toHaveLength(4);
      clock.advance(10_000);
      expect(await fetchStatus()).toBe(500);
      await expect(fetchStatus()).rejects.toMatchObject(open503);
      clock.advance(10_000);
      isSick = false;
      const [trial, other] = await Promise.allSettled([fetchStatus(), fetchStatus()]);
      expect(trial).toMatchObject({ status: 'fulfilled', value: 200 });
      expect(other).toMatchObject({ status: 'rejected', reason: { code: 'UPSTREAM_CIRCUIT_OPEN' } });
      expect(await fetchStatus()).toBe(200);
    });

    it('stops trying again when it opens, and a success between starts the count anew', async () => {
      const server = await serve((_, response, count) => response.writeHead(count === 2 ? 200 : 500).end());
      const upstream = open(server.origin, { circuit: { failures: 2, openMs: 1000 }, maxAttempts: 5 });
      expect((await upstream.fetch(request('/'))).status).toBe(200);
      expect((await upstream.fetch(request('/'))).status).toBe(500);
      expect(server.requests).toHaveLength(4);
    });

    it('gives the trial back when its caller goes away', async () => {
      let mode: 'sick' | 'silent' | 'fine' = 'sick';
      const server = await serve((_, response) => {
        if (mode !== 'silent') response.writeHead(mode === 'sick' ? 500 : 200).end();
      });
      const clock = createQuickClock();
      const upstream = open(server.origin, { circuit: { failures: 1, openMs: 1000 }, clock });
      await upstream.fetch(request('/'));
      clock.advance(1000);
      mode = 'silent';
      await expect(upstream.fetch(request('/', { signal: AbortSignal.timeout(30) }))).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      mode = 'fine';
      expect((await upstream.fetch(request('/'))).status).toBe(200);
    });
  });

  it('refuses requests after it was closed', async () => {
    const upstream = open('http://127.0.0.1:9');
    await upstream.close();
    await expect(upstream.fetch(request('/'))).rejects.toMatchObject({ code: 'CLOSING' });
  });
});

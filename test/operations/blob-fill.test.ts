import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { digestOf, makeBytes } from '../conformance/blob-content.ts';
import { STORE_KINDS } from '../support/registry.ts';
import { download, openFillRegistry, startOrigin, startReading } from './blob-fill-fixture.ts';

const LARGE = makeBytes(1_000_000);
const SMALL = makeBytes(10_000, 2);
const HALF = 500_000;

/** Sends a body that the test lets go on. */
function inTwo(response: ServerResponse, bytes: Buffer, headers: Record<string, string | number> = {}) {
  response.writeHead(200, { 'content-type': 'application/x-thing', ...headers });
  response.write(bytes.subarray(0, bytes.length / 2));
  return { end: () => response.end(bytes.subarray(bytes.length / 2)) };
}

/** Without a length: Node would give one. */
function chunked(response: ServerResponse, bytes: Buffer) {
  response.write(bytes);
  response.end();
}

describe.each(STORE_KINDS)('blob.fill on %s', (kind) => {
  test('sends what has come before the rest is there, and keeps it', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<{ end(): void }>();
    const origin = await startOrigin((_, response) =>
      onAsked(inTwo(response, LARGE, { 'content-length': LARGE.length })),
    );
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const reading = await startReading(`${registry.url}/files/a`);
    for (let got = 0; got < HALF - 200_000; ) got += (await reading.next())?.length ?? Number.NaN;
    (await asked).end();
    const first = await reading.rest();
    expect(first.whole && first.bytes.equals(LARGE)).toBe(true);
    expect(first.headers).toMatchObject({
      'content-length': String(LARGE.length),
      'content-type': 'application/x-thing',
      etag: `"${digestOf(LARGE)}"`,
      'x-from': 'upstream',
    });
    // Its bytes ended when the record was there.
    const second = await download(`${registry.url}/files/a`);
    expect([second.headers['x-from'], second.bytes.equals(LARGE)]).toEqual(['here', true]);
    expect(origin.requests).toEqual(['GET /a']);
    expect(await registry.blobs()).toEqual([digestOf(LARGE)]);
  });

  test.each([
    ['small', SMALL],
    ['large', LARGE],
    ['empty', Buffer.alloc(0)],
  ])('asks once for a hundred who want the same %s content', async (_what, bytes) => {
    const origin = await startOrigin((_, response) => response.end(bytes));
    const registry = await openFillRegistry({ kind, origin });
    const got = await Promise.all(Array.from({ length: 100 }, () => download(`${registry.url}/files/a`)));
    expect(got.filter(({ status, whole, bytes: own }) => status === 200 && whole && own.equals(bytes))).toHaveLength(
      100,
    );
    expect(origin.requests).toHaveLength(1);
    expect(await registry.blobs()).toEqual([digestOf(bytes)]);
  });

  test('asks for each name, and for each expectation', async () => {
    const origin = await startOrigin((_, response) => response.end(SMALL));
    const registry = await openFillRegistry({ kind, origin, expect: `${digestOf(SMALL)}` });
    await Promise.all(['a', 'b', 'a', 'b'].map((name) => download(`${registry.url}/files/${name}`)));
    expect([...origin.requests].sort()).toEqual(['GET /a', 'GET /b']);
  });

  test('goes on when those who asked have left', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<{ end(): void }>();
    const origin = await startOrigin((_, response) => onAsked(inTwo(response, LARGE)));
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const readings = await Promise.all([1, 2].map(() => startReading(`${registry.url}/files/a`)));
    for (const reading of readings) {
      await reading.next();
      reading.leave();
    }
    (await asked).end();
    await expect.poll(async () => (await download(`${registry.url}/files/a`)).headers['x-from']).toBe('here');
    expect(origin.requests).toHaveLength(1);
    expect(await registry.blobs()).toEqual([digestOf(LARGE)]);
  });

  test('lets who comes later read from the beginning', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<{ end(): void }>();
    const origin = await startOrigin((_, response) => onAsked(inTwo(response, LARGE)));
    const registry = await openFillRegistry({ kind, origin });
    const first = await startReading(`${registry.url}/files/a`);
    await first.next();
    const second = await startReading(`${registry.url}/files/a`, { headers: { range: 'bytes=5-9' } });
    expect(second.incoming.statusCode).toBe(200);
    await second.next();
    (await asked).end();
    for (const { bytes, whole } of await Promise.all([first.rest(), second.rest()])) {
      expect(whole && bytes.equals(LARGE)).toBe(true);
    }
    expect(origin.requests).toHaveLength(1);
  });

  test('does not wait for a slow reader', async () => {
    // More than all sockets between take.
    const bytes = Buffer.concat(Array.from({ length: 20 }, (_, seed) => makeBytes(1_000_000, seed)));
    const origin = await startOrigin((_, response) => response.end(bytes));
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(bytes) });
    const slow = await startReading(`${registry.url}/files/a`);
    const fast = await Promise.all([1, 2, 3].map(() => download(`${registry.url}/files/a`)));
    expect(fast.every((one) => one.whole && one.bytes.equals(bytes))).toBe(true);
    expect((await download(`${registry.url}/files/a`)).headers['x-from']).toBe('here');
    const late = await slow.rest();
    expect(late.whole && late.bytes.equals(bytes)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  describe('where the upstream', () => {
    const length = { 'content-length': LARGE.length };
    const other = Buffer.concat([LARGE.subarray(0, -1), Buffer.from([LARGE.at(-1)! ^ 1])]);
    test.each<[string, (response: ServerResponse) => void]>([
      [
        'breaks off',
        (response) => response.writeHead(200, length).write(other.subarray(0, HALF), () => response.destroy()),
      ],
      ['breaks off in chunks', (response) => response.write(other.subarray(0, HALF), () => response.destroy())],
      ['sends other bytes', (response) => response.writeHead(200, length).end(other)],
      ['sends other bytes in chunks', (response) => chunked(response, other)],
      ['sends fewer', (response) => chunked(response, LARGE.subarray(0, -1))],
      ['sends more', (response) => chunked(response, Buffer.concat([LARGE, SMALL]))],
      ['stops sending', (response) => response.writeHead(200, length).write(LARGE.subarray(0, HALF))],
      ['sends more than it may', (response) => chunked(response, Buffer.concat([LARGE, LARGE, LARGE]))],
    ])('%s, nobody is told that it is whole, nothing is kept, and the next may have it', async (_what, misbehave) => {
      const origin = await startOrigin((_, response, count) =>
        count === 1 ? misbehave(response) : response.end(LARGE),
      );
      const registry = await openFillRegistry({
        kind,
        origin,
        expect: digestOf(LARGE),
        args: { size: LARGE.length },
        upstream: { timeouts_ms: { connect: 1000, read: 300 }, max_response_bytes: 2_000_000 },
      });
      const readers = await Promise.all([1, 2, 3].map(() => download(`${registry.url}/files/a`)));
      for (const { status, whole, bytes } of readers) {
        expect([status, whole]).toEqual([200, false]);
        expect(bytes.length).toBeLessThan(LARGE.length);
      }
      expect(origin.requests).toHaveLength(1);
      expect(await registry.blobs()).toEqual([]);
      const next = await download(`${registry.url}/files/a`);
      expect(next.whole && next.headers['x-from'] === 'upstream' && next.bytes.equals(LARGE)).toBe(true);
      expect(await registry.blobs()).toEqual([digestOf(LARGE)]);
    });

    test('sends other bytes, and few, the answer is an error', async () => {
      const origin = await startOrigin((_, response) => response.end(SMALL));
      const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
      const got = await download(`${registry.url}/files/a`);
      expect([got.status, JSON.parse(got.bytes.toString()).error.code]).toEqual([502, 'UPSTREAM_INVALID']);
      expect(await registry.blobs()).toEqual([]);
    });

    test.each([
      [404, 404],
      [500, 502],
      [204, 502],
      [206, 502],
    ])('answers %i, a route says %i to all, and asks again the next time', async (status, answered) => {
      const origin = await startOrigin((_, response, count) => {
        if (count === 1) setTimeout(() => response.writeHead(status).end(), 100);
        else response.end(SMALL);
      });
      const registry = await openFillRegistry({ kind, origin });
      const got = await Promise.all(Array.from({ length: 20 }, () => download(`${registry.url}/files/a`)));
      expect(new Set(got.map((one) => one.status))).toEqual(new Set([answered]));
      expect(origin.requests).toHaveLength(1);
      expect((await download(`${registry.url}/files/a`)).bytes.equals(SMALL)).toBe(true);
    });

    test('has another length than the one that is expected, nothing is sent', async () => {
      const origin = await startOrigin((_, response) => response.writeHead(200, length).write(LARGE));
      const registry = await openFillRegistry({ kind, origin, args: { size: 5 } });
      expect((await download(`${registry.url}/files/a`)).status).toBe(502);
    });

    test('sends coded bytes unasked, they are kept as they are, without a length', async () => {
      const headers = { 'content-length': LARGE.length, 'content-encoding': 'x-thing' };
      const origin = await startOrigin((incoming, response) => {
        expect(incoming.headers['accept-encoding']).toBe('identity');
        response.writeHead(200, headers).end(LARGE);
      });
      const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
      const got = await download(`${registry.url}/files/a`);
      expect([got.headers['content-length'], got.headers['content-encoding']]).toEqual([undefined, undefined]);
      expect(got.whole && got.bytes.equals(LARGE)).toBe(true);
    });
  });

  test('answers HEAD by the head of the upstream, or of what is on its way, and without HEAD there by GET', async () => {
    const held: { end(): void }[] = [];
    const origin = await startOrigin((incoming, response) => {
      if (incoming.url === '/b' && incoming.method === 'HEAD') response.writeHead(405).end();
      else if (incoming.method === 'HEAD') response.writeHead(200, { 'content-length': LARGE.length }).end();
      else held.push(inTwo(response, LARGE, { 'content-length': LARGE.length }));
    });
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const head = (name: string) => download(`${registry.url}/files/${name}`, { method: 'HEAD' });
    const expected = { 'content-length': String(LARGE.length), etag: `"${digestOf(LARGE)}"` };
    expect(await head('a')).toMatchObject({ status: 200, headers: expected, bytes: Buffer.alloc(0) });
    const reading = await startReading(`${registry.url}/files/a`);
    expect(await head('a')).toMatchObject({ status: 200, headers: expected });
    expect(origin.requests).toEqual(['HEAD /a', 'GET /a']);
    expect(await head('b')).toMatchObject({ status: 200, headers: expected });
    expect(origin.requests.slice(2)).toEqual(['HEAD /b', 'GET /b']);
    for (const one of held) one.end();
    expect((await reading.rest()).whole).toBe(true);
    await expect.poll(async () => (await download(`${registry.url}/files/b`)).headers['x-from']).toBe('here');
  });

  test('knows what the client has already', async () => {
    const origin = await startOrigin((_, response) => response.end(LARGE));
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const headers = { 'if-none-match': `"${digestOf(LARGE)}"` };
    const got = await download(`${registry.url}/files/a`, { headers });
    expect([got.status, got.bytes.length]).toEqual([304, 0]);
    await expect.poll(() => registry.blobs()).toEqual([digestOf(LARGE)]);
  });
});

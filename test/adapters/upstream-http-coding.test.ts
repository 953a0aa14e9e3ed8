import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { openTestUpstream, readBody, request, startServer } from './upstream-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An upstream whose one answer has these headers and bytes. */
async function serve(headers: Record<string, string>, bytes: Uint8Array, maxResponseBytes = 1_000_000) {
  const server = await startServer((_, response) =>
    response.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes),
  );
  const upstream = openTestUpstream(server.origin, { maxResponseBytes });
  closing.push(upstream.close, server.close);
  return { server, upstream };
}

const COMPRESSED = request('/', { compressed: true });
const TEXT = JSON.stringify(Array.from({ length: 10_000 }, (_, at) => ({ at })));

describe('content codings of an http upstream', () => {
  it.each([
    ['gzip', gzipSync(TEXT)],
    ['x-gzip', gzipSync(TEXT)],
    ['GZip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['identity', Buffer.from(TEXT)],
  ])('undoes %s where codings were asked for', async (coding, bytes) => {
    const { server, upstream } = await serve({ 'content-encoding': coding, etag: '"a"' }, bytes);
    const response = await upstream.fetch(COMPRESSED);
    expect(server.requests[0]?.headers['accept-encoding']).toBe('gzip');
    expect(response.size).toBe(coding === 'identity' ? bytes.length : null);
    expect(response.headers.etag).toBe('"a"');
    if (coding !== 'identity') expect(Object.keys(response.headers)).not.toContain('content-encoding');
    if (coding !== 'identity') expect(Object.keys(response.headers)).not.toContain('content-length');
    expect(await readBody(response)).toBe(TEXT);
  });

  it('refuses a coding that it does not know', async () => {
    const { upstream } = await serve({ 'content-encoding': 'compress' }, Buffer.from('x'));
    await expect(upstream.fetch(COMPRESSED)).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
  });

  it.each([
    ['is cut short', gzipSync(TEXT).subarray(0, 5000)],
    ['is no gzip', Buffer.from(TEXT)],
  ])('fails where what comes %s', async (_what, bytes) => {
    const { upstream } = await serve({ 'content-encoding': 'gzip' }, bytes);
    await expect(readBody(await upstream.fetch(COMPRESSED))).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
  });

  it('bounds what comes out, not only what comes in', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const { upstream } = await serve({ 'content-encoding': 'gzip' }, bomb);
    expect(bomb.length).toBeLessThan(100_000);
    await expect(readBody(await upstream.fetch(COMPRESSED))).rejects.toMatchObject({ code: 'UPSTREAM_TOO_LARGE' });
  });

  it('closes the connection of a coded body that is destroyed', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const server = await startServer((_, response) => {
      response.on('close', resolve);
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync(TEXT).subarray(0, 5000));
    });
    const upstream = openTestUpstream(server.origin, { readTimeoutMs: 60_000 });
    closing.push(upstream.close, server.close);
    (await upstream.fetch(COMPRESSED)).body.destroy();
    await gone;
  });

  it.each([204, 304])(
    'knows that a %i has no bytes, whatever its headers tell of those it could have',
    async (status) => {
      const server = await startServer((incoming, response) => {
        expect(incoming.headers['if-none-match']).toBe('"a"');
        // As a server writes it that has the length of the answer it does not send.
        const length = status === 304 ? 'Content-Length: 5000000\r\n' : '';
        response.socket?.write(`HTTP/1.1 ${status} X\r\nETag: "a"\r\nContent-Encoding: gzip\r\n${length}\r\n`);
      });
      const upstream = openTestUpstream(server.origin, { maxResponseBytes: 1000 });
      closing.push(upstream.close, server.close);
      const conditional = { ...COMPRESSED, headers: { 'If-None-Match': '"a"' } };
      const response = await upstream.fetch(conditional);
      expect(response).toMatchObject({ status, size: 0, headers: { etag: '"a"' } });
      expect(await readBody(response)).toBe('');
      // The connection goes on.
      expect((await upstream.fetch(conditional)).status).toBe(status);
    },
  );
});

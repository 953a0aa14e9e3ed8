import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openRawConnection, parseAnswer, request } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const KEPT = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a streamed body', () => {
  test('is sent whole, with its length or in chunks', async () => {
    const parts = ['one ', 'two ', 'three'];
    const server = await serve((incoming) =>
      respond(Readable.from(parts.map((part) => Buffer.from(part))), {
        headers: incoming.target === '/known' ? [['Content-Length', '13']] : [],
      }),
    );
    const known = await request(server.port, GET.replace('/', '/known'));
    expect(known.headers['content-length']).toBe('13');
    expect(known.body.toString()).toBe('one two three');
    const unknown = await request(server.port, GET);
    expect(unknown.headers['transfer-encoding']).toBe('chunked');
    expect(unknown.body.toString()).toBe('one two three');
  });

  test('may be empty', async () => {
    const server = await serve(() => respond(Readable.from([]), { status: 206, headers: [['Content-Length', '0']] }));
    expect((await request(server.port, GET)).status).toBe(206);
  });

  test('that fails before its first byte becomes a 500', async () => {
    const server = await serve(() => {
      const source = new Readable({ read: () => source.destroy(new Error('No such file /secret')) });
      return respond(source, { headers: [['Content-Length', '10']] });
    });
    const answer = await request(server.port, GET);
    expect(answer.status).toBe(500);
    expect(answer.bytes.toString()).not.toContain('secret');
    expect(JSON.parse(answer.body.toString()).error.code).toBe('INTERNAL');
  });

  test('that fails half-way ends the connection, so that the client cannot take it for whole', async () => {
    const server = await serve(() => {
      const source = new PassThrough();
      source.write('half');
      setTimeout(() => source.destroy(new Error('disk gone')), 50);
      return respond(source);
    });
    const answer = await request(server.port, KEPT);
    expect(answer.body.toString()).toBe('half');
    expect(answer.bytes.toString()).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(server.log.some(({ fields }) => String(fields.err).includes('disk gone'))).toBe(true);
  });

  test.each([
    ['shorter', '20'],
    ['longer', '3'],
  ])('that turns out %s than declared ends the connection', async (_, length) => {
    const server = await serve(() =>
      respond(Readable.from([Buffer.from('0123456789')]), { headers: [['Content-Length', length]] }),
    );
    const connection = await openRawConnection(server.port);
    connection.send(KEPT);
    const bytes = await connection.ended();
    if (bytes.length > 0) expect(parseAnswer(bytes).body.length).not.toBe(Number(length));
    expect(server.log.at(-1)?.message).toBe('A response broke off');
  });

  test('waits for a slow client and stops when it leaves', async () => {
    let produced = 0;
    const chunk = Buffer.alloc(1024 * 1024);
    const source = new Readable({
      read() {
        produced += chunk.length;
        this.push(chunk);
      },
    });
    const server = await serve(() => respond(source));
    const connection = await openRawConnection(server.port);
    connection.socket.pause();
    connection.send(KEPT);
    await expect.poll(() => produced).toBeGreaterThan(0);
    // It comes to rest once the buffers between the two are full.
    for (let before = -1; before !== produced; ) {
      before = produced;
      await sleep(200);
    }
    expect(produced).toBeLessThan(64 * 1024 * 1024);
    connection.close();
    await expect.poll(() => source.destroyed).toBe(true);
  });

  test('is closed unread where there is nothing to send', async () => {
    const sources: Readable[] = [];
    const server = await serve(() => {
      const source = new PassThrough();
      sources.push(source);
      return respond(source, { headers: [['Content-Length', '5']] });
    });
    const answer = await request(server.port, GET.replace('GET', 'HEAD'));
    expect(answer.headers['content-length']).toBe('5');
    expect(sources[0]?.destroyed).toBe(true);
  });
});

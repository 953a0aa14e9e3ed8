import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EngineRequest } from '../../src/engine/exchange.ts';
import { RegistryError } from '../../src/errors/registry-error.ts';
import { openRawConnection, parseAnswer, request } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

const REFUSED = respond('{"error":"too large"}', { status: 413, closeConnection: true });

async function readAll(incoming: EngineRequest): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming.body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads the first bytes and leaves, the way a loop with a limit does. */
async function readSome(incoming: EngineRequest): Promise<void> {
  for await (const _ of incoming.body ?? []) return;
}

describe('a body', () => {
  test('arrives whole, declared or chunked', async () => {
    const server = await serve(async (incoming) => respond(await readAll(incoming)));
    const content = Buffer.alloc(3_000_000, 'abc');
    for (const body of [content, new Blob([content]).stream()]) {
      const response = await fetch(server.url, { method: 'PUT', body, duplex: 'half' } as RequestInit);
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    }
  });

  test('that is refused half-way does not take the answer away from a client that sends all of it before it listens', async () => {
    const server = await serve(async (incoming) => {
      await readSome(incoming);
      return REFUSED;
    });
    const connection = await openRawConnection(server.port);
    connection.socket.pause();
    const size = 40 * 1024 * 1024;
    connection.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    await new Promise<void>((resolve, reject) => {
      connection.socket.write(Buffer.alloc(size, 1), (error) => (error ? reject(error) : resolve()));
    });
    connection.socket.resume();
    const answer = parseAnswer(await connection.ended());
    expect(answer.status).toBe(413);
    expect(answer.headers.connection).toBe('close');
    expect(answer.body.toString()).toBe('{"error":"too large"}');
  });

  test('that is refused unread gets its answer before it has been sent, and the client may stop', async () => {
    const server = await serve(() => REFUSED);
    const connection = await openRawConnection(server.port);
    connection.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    const bytes = await connection.received((so_far) => so_far.includes('too large'));
    expect(parseAnswer(bytes).status).toBe(413);
    connection.socket.end();
    await connection.ended();
  });

  test('that is small and unread leaves the connection usable', async () => {
    const server = await serve((incoming) => respond(incoming.target, { status: 409 }));
    const connection = await openRawConnection(server.port);
    connection.send('PUT /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
    await connection.received((bytes) => bytes.includes('/first'));
    connection.send('helloGET /second HTTP/1.1\r\nHost: a\r\n\r\n');
    await connection.received((bytes) => bytes.includes('/second'));
    connection.close();
  });

  test('that was read in part and is small leaves the connection usable', async () => {
    const server = await serve(async (incoming) => {
      await readSome(incoming);
      return respond(incoming.target, { status: 400, closeConnection: incoming.body !== null });
    });
    const connection = await openRawConnection(server.port);
    connection.send('PUT /first HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
    await connection.received((bytes) => bytes.includes('/first'));
    connection.send('worldGET /second HTTP/1.1\r\nHost: a\r\n\r\n');
    await connection.received((bytes) => bytes.includes('/second'));
    connection.close();
  });

  test('that breaks off fails with BODY_TRUNCATED', async () => {
    const errors: unknown[] = [];
    const server = await serve(async (incoming) => {
      await readAll(incoming).catch((error) => errors.push(error));
      return respond('late');
    });
    const connection = await openRawConnection(server.port);
    connection.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello');
    await sleep(50);
    connection.close();
    await expect.poll(() => errors.length).toBe(1);
    expect(errors[0]).toBeInstanceOf(RegistryError);
    expect(errors[0]).toMatchObject({ code: 'BODY_TRUNCATED' });
  });

  test('that breaks off before anyone reads it does so too', async () => {
    const errors: unknown[] = [];
    const server = await serve(async (incoming) => {
      await new Promise((resolve) => incoming.signal.addEventListener('abort', resolve));
      await readAll(incoming).catch((error) => errors.push(error));
      return respond('late');
    });
    const connection = await openRawConnection(server.port);
    connection.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello');
    await sleep(50);
    connection.close();
    await expect.poll(() => errors.length).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'BODY_TRUNCATED' });
  });

  test('is not read ahead of whoever takes it', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await serve(async (incoming) => {
      const iterator = incoming.body![Symbol.asyncIterator]();
      await iterator.next();
      await gate.promise;
      await iterator.return?.();
      return REFUSED;
    });
    const connection = await openRawConnection(server.port);
    const size = 64 * 1024 * 1024;
    connection.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    connection.send(Buffer.alloc(size));
    await sleep(300);
    // What has left is in the system's socket buffers; the rest waits here.
    expect(connection.socket.writableLength).toBeGreaterThan(size / 2);
    gate.resolve();
    expect(parseAnswer(await connection.ended()).status).toBe(413);
  });
});

describe('Expect: 100-continue', () => {
  const head = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';

  test('is answered when the body is asked for', async () => {
    const server = await serve(async (incoming) => respond(await readAll(incoming)));
    const connection = await openRawConnection(server.port);
    connection.send(head);
    const interim = await connection.received((bytes) => bytes.includes('\r\n\r\n'));
    expect(interim.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    connection.send('hello');
    const bytes = await connection.received((so_far) => so_far.includes('hello'));
    expect(parseAnswer(bytes).body.toString()).toBe('hello');
    connection.close();
  });

  test('is not answered when nobody wants the body; the connection ends, as the client may send it anyway', async () => {
    const server = await serve(() => respond('no', { status: 403 }));
    const answer = await request(server.port, head);
    expect(answer.bytes.toString()).not.toContain('100 Continue');
    expect(answer.status).toBe(403);
    expect(answer.headers.connection).toBe('close');
  });

  test('with any other expectation is refused', async () => {
    const server = await serve(() => respond('ok'));
    const answer = await request(
      server.port,
      'GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n',
    );
    expect(answer.status).toBe(417);
  });
});

import { describe, expect, test } from 'vitest';
import { openRawConnection, parseAnswer, request } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

describe('what is not a proper request', () => {
  test.each([
    ['garbage', 'hello there\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\n\r\n', 400],
    ['a target that is no path', 'GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['two lengths', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['an unknown coding', 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400],
    ['a negative length', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400],
    ['an unknown method', 'FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['a path without end', `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a chunk that is none', 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n', 400],
  ])('%s gets an answer in the shape of every error', async (_, bytes, status) => {
    const server = await serve(async (incoming) => {
      for await (const _chunk of incoming.body ?? []);
      return respond('served');
    });
    const answer = await request(server.port, bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    const { error } = JSON.parse(answer.body.toString());
    expect(error).toMatchObject({ code: 'BAD_REQUEST', message: expect.any(String), request_id: expect.any(String) });
    expect(answer.headers.connection).toBe('close');
    expect(Number(answer.headers['content-length'])).toBe(answer.body.length);
  });

  test('is not answered into the middle of another answer', async () => {
    const server = await serve(
      () =>
        new Promise((resolve) => {
          setTimeout(() => resolve(respond('x'.repeat(20_000_000))), 10);
        }),
    );
    const connection = await openRawConnection(server.port);
    connection.socket.pause();
    connection.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
    connection.send('garbage\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    connection.socket.resume();
    const bytes = await connection.ended();
    expect(parseAnswer(bytes).status).toBe(200);
    expect(bytes.includes('not well-formed')).toBe(false);
  });

  test('leaves the server alive when clients reset their connections', async () => {
    const server = await serve(() => respond('ok'));
    for (let i = 0; i < 5; i += 1) {
      const connection = await openRawConnection(server.port);
      connection.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Le');
      connection.socket.resetAndDestroy();
    }
    expect((await fetch(server.url)).status).toBe(200);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EngineRequest } from '../../src/engine/exchange.ts';
import { openRawConnection, parseAnswer, request } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

describe('a request', () => {
  async function seen(bytes: string, baseUrl?: string): Promise<EngineRequest> {
    const requests: EngineRequest[] = [];
    const server = await serve(
      (incoming) => {
        requests.push(incoming);
        return respond('ok');
      },
      baseUrl === undefined ? {} : { baseUrl },
    );
    const answer = await request(server.port, bytes.replaceAll('PORT', String(server.port)));
    expect(answer.status).toBe(200);
    return requests[0]!;
  }

  test('comes with its target undecoded and its headers in order, names in lower case', async () => {
    const { method, target, headers, body, contentLength, ip, baseUrl } = await seen(
      'GET /a%2fb/../c?x=%zz&y HTTP/1.1\r\nHost: example.test:81\r\nX-One: 1\r\nACCEPT: a\r\nAccept: b\r\nConnection: close\r\n\r\n',
    );
    expect({ method, target, body, contentLength, ip, baseUrl }).toEqual({
      method: 'GET',
      target: '/a%2fb/../c?x=%zz&y',
      body: null,
      contentLength: null,
      ip: '127.0.0.1',
      baseUrl: 'http://example.test:81',
    });
    expect(headers).toEqual([
      ['host', 'example.test:81'],
      ['x-one', '1'],
      ['accept', 'a'],
      ['accept', 'b'],
      ['connection', 'close'],
    ]);
  });

  test('in absolute form means its path', async () => {
    const { target } = await seen('GET http://other.test/x/y?z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(target).toBe('/x/y?z');
    expect((await seen('GET http://other.test?z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).target).toBe('/?z');
  });

  test('with a base URL configured is not believed about its host', async () => {
    const bytes = 'GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n';
    expect((await seen(bytes, 'https://registry.test/base')).baseUrl).toBe('https://registry.test/base');
  });

  test('of HTTP/1.0 without a host is known by the address listened on', async () => {
    expect((await seen('GET / HTTP/1.0\r\n\r\n')).baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('has a body only when it says so', async () => {
    expect((await seen('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')).body).toBeNull();
    const chunked = await seen(
      'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
    );
    expect(chunked.body).not.toBeNull();
    expect(chunked.contentLength).toBeNull();
  });

  test('aborts its signal when the client leaves, and not after an answer', async () => {
    const signals: AbortSignal[] = [];
    const server = await serve(async (incoming) => {
      signals.push(incoming.signal);
      if (incoming.target === '/slow')
        await new Promise((resolve) => incoming.signal.addEventListener('abort', resolve));
      return respond('ok');
    });
    const connection = await openRawConnection(server.port);
    connection.send('GET /quick HTTP/1.1\r\nHost: a\r\n\r\n');
    await connection.received((bytes) => bytes.includes('ok'));
    connection.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await expect.poll(() => signals.length).toBe(2);
    connection.close();
    await expect.poll(() => signals[1]?.aborted).toBe(true);
    expect(signals[0]?.aborted).toBe(false);
  });
});

describe('a response', () => {
  const get = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  test('is sent with its status, all its headers and its length', async () => {
    const server = await serve(() =>
      respond('grüße', {
        status: 201,
        headers: [
          ['X-A', '1'],
          ['x-a', '2'],
          ['Content-Type', 'text/plain'],
        ],
      }),
    );
    const { status, headers, body, bytes } = await request(server.port, get);
    expect({ status, text: body.toString() }).toEqual({ status: 201, text: 'grüße' });
    expect(headers).toMatchObject({
      'x-a': '1, 2',
      'content-type': 'text/plain',
      'content-length': '7',
      'x-content-type-options': 'nosniff',
    });
    expect(bytes.toString('latin1')).not.toMatch(/transfer-encoding/i);
  });

  test('of bytes is those bytes', async () => {
    const content = Buffer.from([0, 255, 13, 10, 128]);
    const server = await serve(() => Promise.resolve(respond(content)));
    expect((await request(server.port, get)).body).toEqual(content);
  });

  test('to HEAD keeps its length and has no body, whatever the engine gives', async () => {
    const server = await serve(() => respond('abc', { headers: [['Content-Length', '1000']] }));
    const answer = await request(server.port, get.replace('GET', 'HEAD'));
    expect(answer.headers['content-length']).toBe('1000');
    expect(answer.body.length).toBe(0);
  });

  test.each([204, 304])('of status %i has no body', async (status) => {
    const server = await serve(() => respond('abc', { status, headers: [['ETag', '"x"']] }));
    const answer = await request(server.port, get);
    expect(answer.status).toBe(status);
    expect(answer.body.length).toBe(0);
    expect(answer.headers.etag).toBe('"x"');
    if (status === 204) expect(answer.headers['content-length']).toBeUndefined();
  });

  test('without a body says that nothing follows', async () => {
    const server = await serve(() => respond(null, { status: 404 }));
    expect((await request(server.port, get)).headers['content-length']).toBe('0');
  });

  test('with a line break in a header is refused: nothing of it is sent', async () => {
    const server = await serve(() => respond('x', { headers: [['Location', '/a\r\nSet-Cookie: a=b']] }));
    const answer = await request(server.port, get);
    expect(answer.status).toBe(500);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(JSON.parse(answer.body.toString()).error.code).toBe('INTERNAL');
  });

  test('that asks to close the connection closes it', async () => {
    const server = await serve(() => respond('bye', { closeConnection: true }));
    const answer = await request(server.port, get.replace('Connection: close\r\n', ''));
    expect(answer.headers.connection).toBe('close');
    expect(answer.body.toString()).toBe('bye');
  });

  test.each(['thrown', 'rejected'])('after an unknown error (%s) shows a code and a request id only', async (how) => {
    const trouble = new Error('password is hunter2');
    const server = await serve(() => {
      if (how === 'thrown') throw trouble;
      return Promise.reject(trouble);
    });
    const answer = await request(server.port, get);
    expect(answer.status).toBe(500);
    const { error } = JSON.parse(answer.body.toString());
    expect(Object.keys(error)).toEqual(['code', 'message', 'request_id']);
    expect(error.code).toBe('INTERNAL');
    expect(answer.bytes.toString()).not.toMatch(/hunter2|\.ts/);
    const line = server.log.find(({ fields }) => fields.request_id === error.request_id);
    expect(line?.level).toBe('error');
    expect(line?.fields.err).toMatchObject({ cause: trouble });
  });
});

describe('closing the server', () => {
  test('lets requests under way finish and tells their connections to go; idle ones go at once', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await serve(async (incoming) => {
      if (incoming.target === '/slow') await gate.promise;
      return respond('done');
    });
    const idle = await openRawConnection(server.port);
    idle.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.received((bytes) => bytes.includes('done'));
    const busy = await openRawConnection(server.port);
    busy.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(50);
    const closed = server.close();
    await idle.ended();
    await expect(openRawConnection(server.port)).rejects.toThrow('ECONNREFUSED');
    gate.resolve();
    const answer = parseAnswer(await busy.ended());
    expect(answer.headers.connection).toBe('close');
    expect(answer.body.toString()).toBe('done');
    await closed;
  });

  test('ends what does not finish in time', async () => {
    const server = await serve(() => new Promise(() => {}));
    const stuck = await openRawConnection(server.port);
    stuck.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(50);
    await server.close(100);
    await stuck.ended();
  });
});

import { Socket } from 'node:net';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openRawConnection } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

const IDLE_MS = 120_000;
/** Node keeps a connection a second longer than it tells the client. */
const KEPT_MS = 31_000;
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a connection without a byte either way ends', () => {
  const setTimeout = vi.spyOn(Socket.prototype, 'setTimeout');
  /** Waits until the server has set these bounds, in order, since the last time; 0 is none. */
  const bounded = async (...expected: readonly number[]) => {
    await vi.waitFor(() => expect(setTimeout.mock.calls.map(([ms]) => ms)).toEqual(expected));
    setTimeout.mockClear();
  };
  beforeEach(() => void setTimeout.mockClear());

  test('before it asks, and by the same bound after each answer', async () => {
    const server = await serve(() => respond('ok'));
    const connection = await openRawConnection(server.port);
    await bounded(IDLE_MS);
    connection.send(GET);
    await bounded(KEPT_MS);
    connection.send(GET);
    await bounded(0, KEPT_MS);
  });

  test('while its answer is made', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await serve((incoming) =>
      incoming.target === '/' ? respond('ok') : gate.promise.then(() => respond('done')),
    );
    const connection = await openRawConnection(server.port);
    connection.send(GET);
    await bounded(IDLE_MS, KEPT_MS);
    connection.send(GET.replace('/', '/slow'));
    await bounded(0, IDLE_MS);
    gate.resolve();
    await bounded(KEPT_MS);
  });

  test('while a client does not take its answer', async () => {
    const server = await serve(() => respond('x'.repeat(20_000_000)));
    const connection = await openRawConnection(server.port);
    connection.socket.pause();
    await bounded(IDLE_MS);
    connection.send(GET);
    await bounded(IDLE_MS);
  });

  test('while a system route answers', async () => {
    const server = await serve(() => respond('ok'));
    const connection = await openRawConnection(server.port);
    connection.send(GET.replace('/', '/health'));
    await bounded(IDLE_MS, IDLE_MS, KEPT_MS);
  });

  test('while pipelined answers wait for one before them', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await serve((incoming) =>
      incoming.target === '/' ? respond('ok') : gate.promise.then(() => respond('done')),
    );
    const connection = await openRawConnection(server.port);
    connection.send(GET.replace('/', '/slow') + GET);
    await bounded(IDLE_MS, IDLE_MS, IDLE_MS);
    gate.resolve();
    await bounded(KEPT_MS);
  });
});

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type GuardedUpstream, guardUpstream } from '../../src/adapters/guards/upstream.ts';
import type { HttpUpstreamOptions } from '../../src/adapters/upstream/http.ts';
import { openHttpUpstream } from '../../src/adapters/upstream/http.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../src/ports/upstream.ts';
import type { Clock } from '../../src/shared/clock.ts';

export interface TestServer {
  readonly origin: string;
  readonly port: number;
  /** `METHOD path` of each request, in order, with its headers. */
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers']; readonly body: string }[];
  close(): Promise<void>;
}

/** A real server on a free loopback port. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  host = '127.0.0.1',
): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    answer(request, response, requests.length);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export interface QuickClock extends Clock {
  readonly slept: number[];
  advance(ms: number): void;
}

/** A clock on which sleeping takes no time but moves it on. */
export function createQuickClock(): QuickClock {
  let now = Date.now();
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
    advance(ms) {
      now += ms;
    },
  };
}

export function openTestUpstream(baseUrl: string | null, options: Partial<HttpUpstreamOptions> = {}): GuardedUpstream {
  return guardUpstream(
    openHttpUpstream({
      name: 'test',
      baseUrl,
      auth: { mode: 'none' },
      connectTimeoutMs: 1000,
      readTimeoutMs: 1000,
      maxAttempts: 1,
      backoffMs: 100,
      circuit: null,
      maxResponseBytes: 1_000_000,
      allowPrivateAddresses: true,
      clock: createQuickClock(),
      ...options,
    }),
  );
}

export function request(path: string, rest: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return { method: 'GET', path, headers: {}, body: null, ...rest };
}

export async function readBody(response: UpstreamResponse): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

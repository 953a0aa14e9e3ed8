import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { HELLO, writeRegistry } from '../cli/definitions.ts';
import { childrenOf, endProcess } from '../support/process-tree.ts';
import { openRawConnection, parseAnswer } from '../support/raw-request.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { type KeptConnection, keepConnection } from './kept-connection.ts';

async function start({ args = [], ...options }: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({
    data: join(temporaryFolder(), 'data'),
    ...options,
    startMs: 90_000,
    args: ['--workers', '2', ...args],
    env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, ...options.env },
  });
  onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
  return server;
}

/** A server for several tests: it takes a while to start. */
function shareServer(): () => ServerProcess {
  let server: ServerProcess | undefined;
  const folder = makeTemporaryFolder();
  beforeAll(async () => {
    server = await startServerProcess({
      data: join(folder.path, 'data'),
      startMs: 90_000,
      args: ['--workers', '2', '--log-level', 'info'],
      env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, ENTREPOT_METRICS_TOKEN: METRICS_TOKEN },
    });
  });
  afterAll(async () => {
    await server?.kill('SIGKILL');
    folder.remove();
  });
  return () => server!;
}

const METRICS_TOKEN = 'read-the-figures';

/** A kept connection to each of the two workers. */
async function connectEach(server: ServerProcess): Promise<readonly [KeptConnection, KeptConnection]> {
  const found = new Map<number, KeptConnection>();
  for (let attempt = 0; found.size < 2 && attempt < 20; attempt++) {
    const connection = keepConnection(server.url);
    const id = randomUUID();
    await connection.send('GET', '/health', { headers: { 'x-request-id': id } });
    await expect.poll(() => workersOf(server).get(id)).toBeGreaterThan(0);
    const worker = workersOf(server).get(id) ?? 0;
    if (!found.has(worker)) found.set(worker, connection);
  }
  return [found.get(1)!, found.get(2)!];
}

/** Which worker answered each request, by its id, as the log says. */
function workersOf(server: ServerProcess): ReadonlyMap<string, number> {
  const lines = server.output().stderr.split('\n').filter(Boolean);
  return new Map(
    lines
      .map((line) => JSON.parse(line) as { readonly request_id?: string; readonly worker: number })
      .filter(({ request_id }) => request_id !== undefined)
      .map(({ request_id, worker }) => [String(request_id), worker]),
  );
}

const blob = (name: string, version: string) => `/v1/workers/${name}/${version}/any/blob`;

describe('serve --workers 2', { timeout: 150_000 }, () => {
  const shared = shareServer();

  test('shares out connections that are kept, and says once where it listens', async () => {
    const server = shared();
    const connections = Array.from({ length: 8 }, () => keepConnection(server.url));
    for (const [at, connection] of connections.entries()) {
      for (const round of ['a', 'b']) {
        const { status } = await connection.send('GET', '/health', { headers: { 'x-request-id': `${round}${at}` } });
        expect(status).toBe(200);
      }
    }
    await expect.poll(() => workersOf(server).size).toBe(16);
    const workers = workersOf(server);
    for (let at = 0; at < 8; at++) expect(workers.get(`a${at}`)).toBe(workers.get(`b${at}`));
    const shares = Map.groupBy(workers.values(), (worker) => worker);
    expect([...shares].map(([worker, all]) => [worker, all.length]).sort()).toEqual([
      [1, 8],
      [2, 8],
    ]);
    expect(server.output().stdout.match(/Listening/g)).toHaveLength(1);
  });

  test('what one worker has written the other reads at once, from its caches, too', async () => {
    const server = shared();
    const [left, right] = await connectEach(server);
    for (let round = 0; round < 50; round++) {
      const [writer, reader] = round % 2 === 0 ? [left, right] : [right, left];
      const version = `1.${round}.0`;
      const body = `content ${round}`;
      const published = await writer.send('PUT', blob('fresh', version), { headers: ADMIN, body });
      expect([published.status, published.text]).toEqual([201, expect.any(String)]);
      // Twice, so that it is kept; then again on the side that wrote.
      for (const connection of [reader, reader, writer, reader]) {
        const latest = await connection.send('GET', '/v1/workers/fresh/latest');
        expect(JSON.parse(latest.text)).toMatchObject({ version });
        expect((await connection.send('GET', blob('fresh', version))).text).toBe(body);
      }
    }
    // What is taken away on one side is gone on the other.
    expect((await left.send('DELETE', blob('fresh', '1.49.0'), { headers: ADMIN })).status).toBe(200);
    expect((await right.send('GET', blob('fresh', '1.49.0'))).status).toBe(404);
  });

  test('a token that one worker revokes is nobody on the other', async () => {
    const server = shared();
    const [left, right] = await connectEach(server);
    const body = JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD });
    const { token } = JSON.parse((await left.send('POST', '/auth/login', { body })).text);
    const headers = { authorization: `Bearer ${token}` };
    expect((await right.send('GET', '/auth/me', { headers })).status).toBe(200);
    expect((await left.send('POST', '/auth/logout', { headers })).status).toBeLessThan(300);
    expect((await right.send('GET', '/auth/me', { headers })).status).toBe(401);
  });

  test('a client that ends its side after the request gets its answer', async () => {
    const server = shared();
    for (const half of [1, 2, 3, 4]) {
      const connection = await openRawConnection(server.port);
      connection.socket.end(
        `GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: half${half}\r\nConnection: close\r\n\r\n`,
      );
      expect(parseAnswer(await connection.ended()).status).toBe(200);
    }
  });

  test('wrong passwords are counted together', async () => {
    const server = shared();
    const connections = await connectEach(server);
    const login = async (at: number, password: string) => {
      const body = JSON.stringify({ username: 'nobody', password });
      return (await connections[at % 2]!.send('POST', '/auth/login', { body })).status;
    };
    for (let guess = 0; guess < 10; guess++) {
      expect(await login(guess, `wrong password ${guess}`)).toBe(401);
      // Told to the other one, which nobody waits for.
      await sleep(20);
    }
    expect(await login(0, 'another guess')).toBe(429);
    expect(await login(1, 'another guess')).toBe(429);
  });

  test('figures are those of all workers together, and do not go back when one is lost', async () => {
    const server = shared();
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    const figures = async () => {
      const { text } = await keepConnection(server.url).send('GET', '/metrics', { headers });
      const of = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
      return {
        workers: of(/^entrepot_workers (\d+)$/m),
        missing: of(/^entrepot_requests_total\{route="resolve_latest",method="GET",status="404"\} (\d+)$/m),
        timed: of(/^entrepot_request_duration_seconds_count\{route="resolve_latest"\} (\d+)$/m),
      };
    };
    const [left, right] = await connectEach(server);
    const { missing, timed } = await figures();
    for (const [connection, times] of [
      [left, 3],
      [right, 4],
    ] as const)
      for (let i = 0; i < times; i++) expect((await connection.send('GET', '/v1/no/thing/latest')).status).toBe(404);
    expect(await figures()).toEqual({ workers: 2, missing: missing + 7, timed: timed + 7 });
    const [first = 0] = childrenOf(server.pid);
    await endProcess(first);
    await expect.poll(async () => (await figures()).workers, { timeout: 15_000 }).toBe(2);
    expect(await figures()).toEqual({ workers: 2, missing: missing + 7, timed: timed + 7 });
    expect((await keepConnection(server.url).send('GET', '/v1/no/thing/latest')).status).toBe(404);
    expect(await figures()).toMatchObject({ missing: missing + 8, timed: timed + 8 });
  });

  test('a worker that is killed is replaced, by one with the definition that the others serve', async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'hello', HELLO);
    const server = await start({ registry });
    const before = childrenOf(server.pid);
    expect(before).toHaveLength(2);
    writeFileSync(registry, '{ "broken": ');
    for (const pid of before) await endProcess(pid);
    // None answers just now: connections wait for one that does.
    expect(await (await fetch(`${server.url}/hello`)).json()).toEqual({ hello: 'world' });
    await expect.poll(() => childrenOf(server.pid).length, { timeout: 15_000 }).toBe(2);
    expect(childrenOf(server.pid).filter((pid) => before.includes(pid))).toEqual([]);
    expect(server.output().stderr).toContain('"msg":"A worker ended"');
    await server.stop();
  });

  test('workers end with a parent that is killed, and the port is free', async () => {
    const server = await start();
    const workers = childrenOf(server.pid);
    await server.kill('SIGKILL');
    await expect.poll(() => workers.filter((pid) => isAlive(pid)), { timeout: 15_000 }).toEqual([]);
    await expect(connected(server.port)).rejects.toThrow('ECONNREFUSED');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('stops on %s to all of them when requests are done', async (signal) => {
    const server = await start();
    const body = '{"username":"admin","password":"wrong password"}';
    const head = `POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`;
    const connections = [await openRawConnection(server.port), await openRawConnection(server.port)];
    for (const connection of connections) connection.send(head);
    await fetch(`${server.url}/health`);
    // As a terminal does: the whole group is signalled.
    for (const pid of childrenOf(server.pid)) process.kill(pid, signal);
    const ended = server.kill(signal);
    await expect.poll(() => server.output().stdout).toContain('Stopping');
    await expect.poll(() => connected(server.port).catch((error: Error) => error.message)).toContain('ECONNREFUSED');
    for (const connection of connections) connection.send(body.slice(5));
    for (const connection of connections) expect(parseAnswer(await connection.ended()).status).toBe(401);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(server.output().stdout.match(/Stopping/g)).toHaveLength(1);
    expect(childrenOf(server.pid)).toEqual([]);
  });

  test('stops at once on a second signal, with all workers', async () => {
    const server = await start();
    const workers = childrenOf(server.pid);
    const connection = await openRawConnection(server.port);
    connection.send('POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{');
    await fetch(`${server.url}/health`);
    const ended = server.kill('SIGTERM');
    await expect.poll(() => server.output().stdout).toContain('Stopping');
    void server.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
    await expect.poll(() => workers.filter((pid) => isAlive(pid)), { timeout: 15_000 }).toEqual([]);
  });
});

/** One that has ended and that nobody has asked about does not live. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function connected(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

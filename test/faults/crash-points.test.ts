import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { inspectData, transientFiles } from './inspect-data.ts';
import { parseTrace, STRACE_OPTIONS } from './system-calls.ts';
import { requireTracing } from './tracing.ts';

/** The calls that change what is on the disk. Those that there are many of are tried at the first, the middle and the last. */
const CALLS = ['mkdir', 'rename', 'fsync', 'unlink', 'pwrite64'];
const MANY = 6;
/** One that goes to the disk in pieces, and one that is written at once. */
const LARGE = 200_000;
const SIZES = [LARGE, 10_000];

/** Where a server is killed: before the call of that number by one of its threads. */
interface Point {
  readonly name: string;
  readonly number: number;
  /** Its name: one writes to the database, another one to files. */
  readonly thread: string;
}

/** Numbers of a process's threads and their names. Several may have one name. */
function threadsOf(pid: number): ReadonlyMap<number, string> {
  const tasks = `/proc/${pid}/task`;
  const nameOf = (thread: string) => readFileSync(join(tasks, thread, 'comm'), 'utf8').trim();
  return new Map(readdirSync(tasks).map((thread) => [Number(thread), nameOf(thread)]));
}

/** The only thread of that name. */
function threadNamed(name: string, pid: number): number {
  const [found, ...others] = [...threadsOf(pid)].filter(([, other]) => other === name);
  if (found === undefined || others.length > 0) throw new Error(`${others.length} more threads are called ${name}`);
  return found[0];
}

/** Makes a tracer watch one thread, or with `-f` all of its process; resolves when it does. */
async function attach(thread: number, options: readonly string[]): Promise<ChildProcess> {
  const tracer = spawn('strace', ['-p', String(thread), ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void tracer.kill('SIGKILL'));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    tracer.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(' attached')) resolve();
    });
    tracer.once('close', () => reject(new Error(`strace: ${said}`)));
  });
  return tracer;
}

interface Publish {
  readonly target: string;
  readonly digest: string;
  /** Null when the connection broke. */
  readonly status: number | null;
}

async function publish(server: ServerProcess, target: string, body: Buffer<ArrayBuffer>): Promise<Publish> {
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  try {
    const response = await fetch(server.url + target, { method: 'PUT', headers: ADMIN, body });
    await response.text();
    return { target, digest, status: response.status };
  } catch {
    return { target, digest, status: null };
  }
}

/** Bytes that no folder is there for yet, so that every publish makes one. */
function freshBytes(data: string, bytes: number): Buffer<ArrayBuffer> {
  for (;;) {
    const body = randomBytes(bytes);
    const hex = createHash('sha256').update(body).digest('hex');
    if (!existsSync(join(data, 'blobs/sha256', hex.slice(0, 2)))) return body;
  }
}

it.for(SIZES)(
  'keeps all of a publish of %i bytes or none of it, whichever change on the disk a killed server comes to last',
  {
    timeout: 180_000,
  },
  async (bytes, context) => {
    await requireTracing(context, 'attach');
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    const start = async () => {
      // With one thread for files its calls can be numbered: a tracer counts those of each thread apart.
      const env = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, UV_THREADPOOL_SIZE: '1' };
      const server = await startServerProcess({ data, env });
      onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
      return server;
    };
    const targetOf = (number: number) => `/v1/killed/thing-${number}/1.0.0/any/blob`;

    // What one publish does, on a server that has done one before.
    let server = await start();
    const first = await publish(server, targetOf(0), freshBytes(data, bytes));
    expect(first.status).toBe(201);
    const output = join(folder, 'trace');
    const watcher = await attach(server.pid, [...STRACE_OPTIONS, '-e', `trace=${CALLS.join(',')}`, '-o', output]);
    const second = await publish(server, targetOf(1), freshBytes(data, bytes));
    expect(second.status).toBe(201);
    await expect.poll(() => transientFiles(data), { timeout: 10_000 }).toEqual([]);
    watcher.kill('SIGINT');
    await once(watcher, 'close');
    const calls = parseTrace(await readFile(output, 'utf8'));
    const threads = threadsOf(server.pid);
    const points = [...new Set(threads.values())].flatMap((thread) =>
      CALLS.flatMap((name): Point[] => {
        const count = calls.filter((call) => call.name === name && threads.get(call.thread) === thread).length;
        const all = Array.from({ length: count }, (_, at) => at + 1);
        const numbers = count > MANY ? [1, Math.ceil(count / 2), count] : all;
        return numbers.map((number) => ({ name, number, thread }));
      }),
    );
    // The blob's bytes, its sync, its folders, its move; the log's pages and its sync; the lease.
    // A small file is written by one call.
    expect(points.length).toBeGreaterThanOrEqual(bytes === LARGE ? 12 : 10);

    const done: Publish[] = [first, second];
    for (const [at, { name, number, thread }] of points.entries()) {
      const where = `killed before ${name} number ${number} of ${thread}`;
      const body = freshBytes(data, bytes);
      const killer = await attach(threadNamed(thread, server.pid), [
        ...['-e', `trace=${name}`, '-e', `inject=${name}:signal=SIGKILL:when=${number}`],
        ...['-o', '/dev/null'],
      ]);
      const ended = once(killer, 'close');
      const attempt = await publish(server, targetOf(at + 2), body);
      // The tracer ends with the server.
      await Promise.race([ended, new Promise((_, reject) => setTimeout(reject, 10_000, new Error(`Not ${where}`)))]);
      server = await start();
      await expect.poll(() => transientFiles(data), { timeout: 10_000, message: where }).toEqual([]);
      const { artifacts, faults } = await inspectData(data);
      expect(faults, where).toEqual([]);
      for (const { target, digest } of done) expect(artifacts.get(target), where).toBe(digest);
      const found = artifacts.get(attempt.target) ?? null;
      expect([null, attempt.digest], where).toContain(found);
      if (attempt.status !== null) expect([attempt.status, found], where).toEqual([201, attempt.digest]);
      const again = await publish(server, attempt.target, body);
      expect(again.status, where).toBe(found === null ? 201 : 409);
      done.push(again);
      console.log(`${where}: ${attempt.status ?? 'no answer'}, ${found === null ? 'absent' : 'there'}`);
    }
    await server.stop();
  },
);

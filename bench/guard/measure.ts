import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedDefinition } from '../subjects.ts';
import { GUARD_READS, GUARD_SEED, GUARD_WRITES, type GuardRequest, type GuardRow } from './requests.ts';
import type { GuardAnswer, GuardCounts, GuardQuestion, GuardReady } from './server.ts';

/** What one request of a row takes. */
export interface GuardFigures {
  readonly bytes: number;
  readonly promises: number;
  readonly ticks: number;
  /** Calls of stores, by `store.method`. */
  readonly calls: Readonly<Record<string, number>>;
}

/** By the row's name; the rows with the caches on end in `KEPT`. */
export type GuardRun = Readonly<Record<string, GuardFigures>>;

/** Behind the name of a row whose answers come from the caches. */
const KEPT = ', kept';
const UNREACHED_MS = 60_000;

/**
 * Nothing is compiled by time or by chance, and nothing is collected while requests are counted: what the sources allocate is then the
 * same each time. More than in service, where the compiler leaves out objects that nobody sees.
 */
const GUARD_FLAGS = [
  '--expose-gc',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--no-lazy-feedback-allocation',
  '--no-flush-bytecode',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
];
/** Until all that is made once is made. */
const WARM_UP = 20;
/** Of reads and of writes; enough that one that comes late would show. */
const HOPS = 20;

/** Sends a fixed batch of requests, one at a time, to registries with their caches off and on, and counts what they take. */
export async function measureGuard(): Promise<GuardRun> {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-guard-'));
  try {
    const plain = await measureRows(definition(folder, 'plain', false), join(folder, 'plain-data'), [
      ...GUARD_READS,
      ...GUARD_WRITES,
    ]);
    const kept = await measureRows(definition(folder, 'kept', true), join(folder, 'kept-data'), GUARD_READS);
    const renamed = Object.entries(kept).map(([name, figures]) => [name + KEPT, figures] as const);
    return { ...plain, ...Object.fromEntries(renamed) };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The default registry's, without a limit that a machine which does much else may reach. */
function definition(folder: string, name: string, caches: boolean): string {
  return changedDefinition(join(folder, name), ({ caching, ops }) => {
    ops.limits.max_cpu_ms_per_request = UNREACHED_MS;
    if (!caches) for (const section of Object.values(caching ?? {})) section.enabled = false;
  });
}

async function measureRows(definition: string, data: string, rows: readonly GuardRow[]): Promise<GuardRun> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [definition, data], {
    execArgv: GUARD_FLAGS,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const ready = (await next(child)) as GuardReady;
    const send = (wanted: GuardRequest, status: number) => exchange(ready, agent, wanted, status);
    for (const wanted of GUARD_SEED) await send(wanted, 201);
    const bytes = new Map<GuardRow, number>();
    const batch = async (row: GuardRow, from: number, count: number) => {
      const before = await ask(child, 'collect');
      for (let index = from; index < from + count; index++) await send(row.request(index), row.status);
      return { before, after: await ask(child, 'tell') };
    };
    for (const row of rows) {
      for (let index = 0; index < WARM_UP; index++) await send(row.request(index), row.status);
      const { before, after } = await batch(row, WARM_UP, row.count);
      if (after.collections > before.collections) throw new Error(`${row.name}: garbage was collected meanwhile`);
      bytes.set(row, (after.allocatedBytes - before.allocatedBytes) / row.count);
    }
    await ask(child, 'watch hops');
    const run: Record<string, GuardFigures> = {};
    for (const row of rows) {
      const { before, after } = await batch(row, WARM_UP + row.count, HOPS);
      run[row.name] = { bytes: Math.round(bytes.get(row) ?? 0), ...perRequest(before, after) };
    }
    return run;
  } finally {
    agent.destroy();
    await end(child);
  }
}

function perRequest(before: GuardCounts, after: GuardCounts): Omit<GuardFigures, 'bytes'> {
  const each = (total: number) => Math.round(total / HOPS);
  const calls = Object.keys(after.calls)
    .map((name) => [name, each((after.calls[name] ?? 0) - (before.calls[name] ?? 0))] as const)
    .filter(([, count]) => count > 0);
  return {
    promises: each(after.promises - before.promises),
    ticks: each(after.ticks - before.ticks),
    calls: Object.fromEntries(calls),
  };
}

async function ask(child: ChildProcess, question: GuardQuestion): Promise<GuardCounts> {
  const answer = next(child);
  child.send(question);
  return (await answer) as GuardCounts;
}

/** The next message of the child; fails where it ends instead. */
async function next(child: ChildProcess): Promise<GuardAnswer> {
  const stopped = new AbortController();
  const { signal } = stopped;
  try {
    const [answer] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`The guarded server ended with ${code}`);
      }),
    ]);
    return answer;
  } finally {
    stopped.abort();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.send('close' satisfies GuardQuestion);
  await ended;
}

function exchange(server: GuardReady, agent: Agent, wanted: GuardRequest, status: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { ...wanted.headers, ...(wanted.asAdmin ? { authorization: server.authorization } : {}) };
  const sent = request(`${server.url}${wanted.path}`, { method: wanted.method, headers, agent }, (response) => {
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode === status) resolve();
      else reject(new Error(`${wanted.method} ${wanted.path} was answered with ${response.statusCode}`));
    });
    response.resume();
  });
  sent.on('error', reject);
  sent.end(wanted.body);
  return promise;
}

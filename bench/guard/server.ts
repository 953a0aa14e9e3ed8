import { createHook } from 'node:async_hooks';
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { startServer } from '../../src/http/server.ts';
import { openRegistry } from '../../src/main.ts';

/*
 * A registry behind its HTTP server that tells its parent, when asked, what its requests took so far. Arguments: the definition, the data
 * folder. Runs with the flags of `GUARD_FLAGS`, so that the same requests take the same each time.
 */

/** What the parent asks. `collect` makes room first, so that nothing is collected while requests are counted. */
export type GuardQuestion = 'collect' | 'watch hops' | 'tell' | 'close';

export type GuardAnswer = GuardReady | GuardCounts;

export interface GuardReady {
  readonly url: string;
  readonly authorization: string;
}

/** All since the process started. */
export interface GuardCounts {
  readonly allocatedBytes: number;
  /** Collections of garbage: while there are none, what is in use only grows. */
  readonly collections: number;
  /** Since `watch hops`. */
  readonly promises: number;
  readonly ticks: number;
  /** Calls of stores, by `store.method`. */
  readonly calls: Readonly<Record<string, number>>;
}

const PASSWORD = 'a password for the guard';
const [, , definition = '', data = ''] = process.argv;

const quiet = { warn: () => {}, error: () => {} };
const opened = await openRegistry({ registry: definition, data, adminPassword: PASSWORD, log: quiet });
if (!opened.ok) throw new Error(opened.findings.map(({ message }) => message).join('\n'));
const { registry } = opened;
const server = await startServer({ registry, host: '127.0.0.1', port: 0, baseUrl: null, version: '0', log: quiet });

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });
let promises = 0;
let ticks = 0;
const hook = createHook({
  init(_, type) {
    if (type === 'PROMISE') promises++;
    else if (type === 'TickObject') ticks++;
  },
});

function counts(): GuardCounts {
  const calls = registry
    .stats()
    .flatMap(({ name, calls }) => Object.entries(calls).map(([method, { calls }]) => [`${name}.${method}`, calls]));
  return {
    allocatedBytes: getHeapStatistics().used_heap_size,
    collections,
    promises,
    ticks,
    calls: Object.fromEntries(calls),
  };
}

function answer(message: GuardAnswer): void {
  process.send?.(message);
}

process.on('message', (question: GuardQuestion) => {
  if (question === 'close') {
    process.disconnect();
    return;
  }
  if (question === 'collect') globalThis.gc?.();
  if (question === 'watch hops') hook.enable();
  // Collections are told of a turn later.
  setTimeout(() => answer(counts()), 5);
});

// Told to close, or its parent is gone.
process.once('disconnect', () => void server.close(0).then(() => registry.close()));

const { token } = await registry.identity.login('admin', PASSWORD);
answer({ url: server.url, authorization: `Bearer ${token}` });

import type { EngineErrorCode } from '../../errors/codes.ts';
import { RegistryError, toRegistryError } from '../../errors/registry-error.ts';
import type { MaybePromise } from '../../shared/maybe-promise.ts';

/** What calls of one method did so far; times in milliseconds, of finished calls. */
export interface CallStats {
  readonly calls: number;
  readonly failures: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

/** Measures the calls of one store, turns what they throw into RegistryErrors, and refuses calls once it is closed. */
export interface CallMeter {
  /**
   * Runs a call. A synchronous answer stays one. Throws (or rejects with) the call's RegistryError, the meter's failure code for
   * anything else that was thrown, or CLOSING.
   */
  run<T>(method: string, call: () => MaybePromise<T>): MaybePromise<T>;
  /** Counts work that a call began and that goes on behind its answer; `close` waits for it too. */
  follow<T>(method: string, work: Promise<T>): Promise<T>;
  stats(): Readonly<Record<string, CallStats>>;
  /** Refuses new calls from now on, waits for those in flight, then runs `close`, once. */
  close(close: () => MaybePromise<void>): MaybePromise<void>;
}

/** `failure` is the code that unknown errors become. */
export function createCallMeter(failure: EngineErrorCode): CallMeter {
  const counters = new Map<string, { calls: number; failures: number; totalMs: number; maxMs: number }>();
  const inFlight = new Set<Promise<unknown>>();
  let closed: { readonly result: MaybePromise<void> } | null = null;

  function finish(method: string, startedAt: number, hasFailed: boolean): void {
    let counter = counters.get(method);
    if (counter === undefined) {
      counter = { calls: 0, failures: 0, totalMs: 0, maxMs: 0 };
      counters.set(method, counter);
    }
    const tookMs = performance.now() - startedAt;
    counter.calls++;
    if (hasFailed) counter.failures++;
    counter.totalMs += tookMs;
    if (tookMs > counter.maxMs) counter.maxMs = tookMs;
  }

  function follow<T>(method: string, startedAt: number, promise: Promise<T>): Promise<T> {
    const followed = promise.then(
      (value) => {
        finish(method, startedAt, false);
        return value;
      },
      (thrown: unknown) => {
        finish(method, startedAt, true);
        throw toRegistryError(thrown, failure);
      },
    );
    const settled: Promise<unknown> = followed.then(
      () => inFlight.delete(settled),
      () => inFlight.delete(settled),
    );
    inFlight.add(settled);
    return followed;
  }

  async function idle(): Promise<void> {
    while (inFlight.size > 0) await Promise.all(inFlight);
  }

  return {
    run(method, call) {
      if (closed !== null) throw new RegistryError('CLOSING');
      const startedAt = performance.now();
      try {
        const answer = call();
        if (answer instanceof Promise) return follow(method, startedAt, answer);
        finish(method, startedAt, false);
        return answer;
      } catch (thrown) {
        finish(method, startedAt, true);
        throw toRegistryError(thrown, failure);
      }
    },
    follow: (method, work) => follow(method, performance.now(), work),
    stats: () => Object.fromEntries([...counters].map(([method, counter]) => [method, { ...counter }])),
    close(close) {
      closed ??= { result: inFlight.size === 0 ? close() : idle().then(close) };
      return closed.result;
    },
  };
}

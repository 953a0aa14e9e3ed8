import type { Clock } from '../../src/shared/clock.ts';

export interface FakeClock extends Clock {
  /** Moves the time on; those who sleep until then wake up. */
  advance(ms: number): void;
  /** What was slept so far, in the order it was asked for. */
  readonly slept: readonly number[];
}

/** A clock that stands still until it is told to move on. Starts at the real time, as files bear it too. */
export function createFakeClock(): FakeClock {
  let now = Date.now();
  const slept: number[] = [];
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    slept,
    now: () => now,
    sleep(ms, signal) {
      slept.push(ms);
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      });
    },
    advance(ms) {
      now += ms;
      for (const sleeper of sleepers) {
        if (sleeper.until > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}

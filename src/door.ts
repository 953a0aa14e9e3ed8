import type { MaybePromise } from './shared/maybe-promise.ts';

/** A function that knows how many of its calls are under way. */
export interface Counted<A, T> {
  run(argument: A): MaybePromise<T>;
  /** Resolves when none is under way. */
  whenIdle(): Promise<void>;
}

/** `run` never throws: what fails, fails by its promise. */
export function counted<A, T>(run: (argument: A) => MaybePromise<T>): Counted<A, T> {
  let active = 0;
  const waiting = new Set<() => void>();
  const left = () => {
    active--;
    if (active > 0 || waiting.size === 0) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  return {
    run(argument) {
      active++;
      const result = run(argument);
      if (result instanceof Promise) return result.finally(left);
      left();
      return result;
    },
    whenIdle: () =>
      active === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.add(resolve);
          }),
  };
}

/** A door that can be shut for a while. */
export interface Door {
  /** Null: it is open. Otherwise resolves when it is open again. */
  readonly shut: Promise<void> | null;
  /**
   * Shuts the door, waits up to `patienceMs` until those inside have left, and works alone. Gives `busy` when that takes longer. The
   * door is open again either way. One at a time.
   */
  alone<T>(whenEmpty: Promise<unknown>, work: () => Promise<T>, patienceMs: number): Promise<T | 'busy'>;
}

export function createDoor(): Door {
  let shut: Promise<void> | null = null;
  return {
    get shut() {
      return shut;
    },
    async alone(whenEmpty, work, patienceMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      shut = promise;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'busy'>((busy) => {
        timer = setTimeout(() => busy('busy'), patienceMs);
      });
      try {
        return (await Promise.race([whenEmpty, late])) === 'busy' ? 'busy' : await work();
      } finally {
        clearTimeout(timer);
        shut = null;
        resolve();
      }
    },
  };
}

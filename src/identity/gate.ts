import { RegistryError } from '../errors/registry-error.ts';

/** Runs work when there is room for it. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Lets at most `running` pieces of work run at once and `waiting` more wait, first come, first served.
 * What comes on top is refused with RATE_LIMITED and a `Retry-After` of a second.
 */
export function openGate(limits: { readonly running: number; readonly waiting: number }): Gate {
  const queue: (() => void)[] = [];
  let running = 0;

  return async (work) => {
    if (running >= limits.running) {
      if (queue.length >= limits.waiting) throw new RegistryError('RATE_LIMITED', { headers: { 'Retry-After': '1' } });
      // Whoever ends hands over the place, so that nobody who comes in between takes it.
      await new Promise<void>((resume) => queue.push(resume));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

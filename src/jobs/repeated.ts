import { RegistryError } from '../errors/registry-error.ts';
import type { Clock } from '../shared/clock.ts';

export interface RepeatedOptions<T> {
  readonly work: () => Promise<T>;
  /** Null: only when it is asked for. */
  readonly everyMs: number | null;
  readonly clock: Clock;
  /** Told of what went wrong in a run; the next run comes nevertheless. */
  readonly onError: (error: unknown) => void;
}

export interface Repeated<T> {
  /** Runs now, or waits for the run that is under way and then runs. Rejects with what went wrong, and with CLOSING after `stop`. */
  runNow(): Promise<T>;
  /** Starts no further run and waits for the one under way. Idempotent. */
  stop(): Promise<void>;
}

/** Does work at once, and then every `everyMs` after its end, or only when asked, never twice at a time. */
export function startRepeated<T>({ work, everyMs, clock, onError }: RepeatedOptions<T>): Repeated<T> {
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  function runNow(): Promise<T> {
    if (stopping.signal.aborted) return Promise.reject(new RegistryError('CLOSING'));
    const run = running.then(work);
    running = run.catch(() => undefined);
    return run;
  }

  async function loop(pauseMs: number): Promise<void> {
    while (!stopping.signal.aborted) {
      await runNow().catch(onError);
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
    }
  }

  const looping = everyMs === null ? null : loop(everyMs);
  return {
    runNow,
    async stop() {
      stopping.abort();
      await looping;
      await running;
    },
  };
}

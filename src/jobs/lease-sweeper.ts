import { RegistryError } from '../errors/registry-error.ts';
import type { BlobStore, SweepResult } from '../ports/blob-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';

export interface LeaseSweeperOptions {
  readonly stores: readonly BlobStore[];
  /** Whether a record names the blob, read from the record store at that moment. */
  readonly isReferenced: (digest: string) => MaybePromise<boolean>;
  readonly everyMs: number;
  readonly clock: Clock;
  /** Told of what went wrong in a run; the next run comes nevertheless. */
  readonly onError: (error: unknown) => void;
}

export interface LeaseSweeper {
  /** Sweeps all stores now, or waits for the run that is under way and then sweeps. Rejects with the first failure. */
  runNow(): Promise<SweepResult>;
  /** Starts no further run and waits for the one under way. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Sweeps blob stores at once, for what an earlier process left behind, and then every `everyMs`. A store that fails does
 * not keep the others from being swept.
 */
export function startLeaseSweeper(options: LeaseSweeperOptions): LeaseSweeper {
  const { stores, isReferenced, everyMs, clock, onError } = options;
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  async function sweepAll(): Promise<SweepResult> {
    let deletedBlobs = 0;
    let deletedTemporaryFiles = 0;
    const failures: unknown[] = [];
    for (const store of stores) {
      try {
        const swept = await store.sweep(isReferenced);
        deletedBlobs += swept.deletedBlobs;
        deletedTemporaryFiles += swept.deletedTemporaryFiles;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return { deletedBlobs, deletedTemporaryFiles };
  }

  function runNow(): Promise<SweepResult> {
    if (stopping.signal.aborted) return Promise.reject(new RegistryError('CLOSING'));
    const run = running.then(sweepAll);
    running = run.catch(() => undefined);
    return run;
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await runNow().catch(onError);
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
    }
  }

  const looping = loop();
  return {
    runNow,
    async stop() {
      stopping.abort();
      await looping;
      await running;
    },
  };
}

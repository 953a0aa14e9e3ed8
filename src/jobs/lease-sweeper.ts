import type { BlobStore, SweepResult } from '../ports/blob-store.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { type Repeated, type RepeatedOptions, startRepeated } from './repeated.ts';

export interface LeaseSweeperOptions extends Omit<RepeatedOptions<SweepResult>, 'work'> {
  readonly stores: readonly BlobStore[];
  /** Whether a record names the blob, read from the record store at that moment. */
  readonly isReferenced: (digest: string) => MaybePromise<boolean>;
}

/**
 * Sweeps blob stores at once, for what an earlier process left behind, and then every `everyMs`. A store that fails does
 * not keep the others from being swept; a run rejects with the first failure.
 */
export function startLeaseSweeper({ stores, isReferenced, ...options }: LeaseSweeperOptions): Repeated<SweepResult> {
  const work = async (): Promise<SweepResult> => {
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
  };
  return startRepeated({ ...options, work });
}

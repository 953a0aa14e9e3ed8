import type { RecordStore } from '../ports/record-store.ts';
import { type Repeated, type RepeatedOptions, startRepeated } from './repeated.ts';

/** Records that one commit removes: few enough that nobody waits long for it. */
const BATCH = 500;

export interface ExpirySweeperOptions extends Omit<RepeatedOptions<number>, 'work'> {
  readonly stores: readonly Pick<RecordStore, 'sweepExpired'>[];
}

/**
 * Removes records whose time is over from all stores, at once and then every `everyMs`. Reads miss them from the moment they expire;
 * this only gives the room back. A run resolves with how many went.
 */
export function startExpirySweeper({ stores, ...options }: ExpirySweeperOptions): Repeated<number> {
  const work = async () => {
    let swept = 0;
    for (const store of stores) {
      for (let count = BATCH; count === BATCH; ) {
        count = await store.sweepExpired(BATCH);
        swept += count;
      }
    }
    return swept;
  };
  return startRepeated({ ...options, work });
}

import type { OperationHandler, Run } from '../../engine/contract.ts';
import type { CacheEntry } from '../../ports/cache.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { compileCacheKey } from './cache-key.ts';
import { decodeCacheValue } from './cache-value.ts';

/** See `operations/cache/get.json`. */
export const cacheGet: OperationHandler = {
  op: 'cache.get',
  compile(step) {
    const key = compileCacheKey(step);
    const bindHit = step.bind('hit_out');
    const bindValue = step.bind('value_out');
    return (run) =>
      whenReady(lookUp(run, key(run)), (entry) =>
        whenReady(entry === null ? 0 : run.session.sequence(), (sequence) => {
          const fresh = entry !== null && entry.sequence >= sequence;
          bindHit(run, fresh);
          bindValue(run, fresh ? decodeCacheValue(entry.bytes) : null);
          return undefined;
        }),
      );
  },
};

/** A cache that fails is a miss: nobody may depend on it. */
function lookUp(run: Run, key: string): MaybePromise<CacheEntry | null> {
  try {
    const entry = run.session.cache.get(key);
    return entry instanceof Promise ? entry.catch(() => null) : entry;
  } catch {
    return null;
  }
}

import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { goOn, invalidArgument } from '../arguments.ts';
import { compileCacheKey } from './cache-key.ts';
import { encodeCacheValue } from './cache-value.ts';

/** See `operations/cache/put.json`. */
export const cachePut: OperationHandler = {
  op: 'cache.put',
  compile(step) {
    const key = compileCacheKey(step);
    const value = step.value('value');
    const ttl = step.integer('ttl_seconds');
    return (run) => {
      const ttlSeconds = ttl(run);
      if (ttlSeconds === null || ttlSeconds < 1) throw invalidArgument('ttl_seconds', 'one or more');
      const at = key(run);
      const kept = value(run);
      const { session } = run;
      const store = async () => {
        const sequence = await session.sequence();
        const bytes = await encodeCacheValue(kept);
        if (bytes !== null) await session.cache.put(at, { bytes, sequence }, ttlSeconds * 1000);
      };
      return whenReady(session.defer(store), goOn);
    };
  },
};

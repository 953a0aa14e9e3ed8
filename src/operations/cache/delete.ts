import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { goOn } from '../arguments.ts';
import { compileCacheKey } from './cache-key.ts';

/** See `operations/cache/delete.json`. */
export const cacheDelete: OperationHandler = {
  op: 'cache.delete',
  compile(step) {
    const key = compileCacheKey(step);
    return (run) => {
      const at = key(run);
      const { session } = run;
      return whenReady(
        session.defer(() => session.cache.delete(at)),
        goOn,
      );
    };
  },
};

import { fail } from '../../errors/registry-error.ts';
import type { Cache } from '../../ports/cache.ts';
import { type CallStats, createCallMeter } from './call-meter.ts';
import { checkCount, checkDuration } from './number-checks.ts';

export interface GuardedCache extends Cache {
  /** Calls, failures and times by method. */
  calls(): Readonly<Record<string, CallStats>>;
}

const MAX_KEY_LENGTH = 8192;

/**
 * The guard that stands before every cache. Refuses keys that are empty or longer than 8192 characters, times and sequences
 * that make no sense (VALUE_INVALID), turns unknown errors into CACHE_FAILURE, measures, and refuses with CLOSING after `close`.
 * Synchronous answers stay synchronous.
 */
export function guardCache(cache: Cache): GuardedCache {
  const meter = createCallMeter('CACHE_FAILURE');
  return {
    capabilities: cache.capabilities,
    get: (key) =>
      meter.run('get', () => {
        checkKey(key);
        return cache.get(key);
      }),
    put: (key, entry, ttlMs) =>
      meter.run('put', () => {
        checkKey(key);
        checkDuration(ttlMs);
        checkCount(entry.sequence);
        return cache.put(key, entry, ttlMs);
      }),
    delete: (key) =>
      meter.run('delete', () => {
        checkKey(key);
        return cache.delete(key);
      }),
    clear: (prefix) => meter.run('clear', () => cache.clear(prefix)),
    stats: () => cache.stats(),
    health: () => meter.run('health', () => cache.health()),
    close: () => meter.close(() => cache.close()),
    calls: () => meter.stats(),
  };
}

function checkKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
    fail('VALUE_INVALID', `A cache key has 1 to ${MAX_KEY_LENGTH} characters`);
  }
}

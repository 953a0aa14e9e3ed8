import { LRUCache } from 'lru-cache';
import type { Cache, CacheEntry } from '../../ports/cache.ts';
import type { Clock } from '../../shared/clock.ts';
import { ownBytes } from '../../shared/own-bytes.ts';

export interface MemoryCacheOptions {
  /** Bytes at most: of keys and entries, with what it costs to keep each. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

interface Kept {
  readonly entry: CacheEntry;
  readonly expiresAt: number;
}

/** What the map, the list and the objects around an entry take, roughly. */
const OVERHEAD_BYTES = 256;

/**
 * A cache in this process's memory: least recently used goes first, bounded by bytes, each entry with its own time to
 * live. `clear` looks at every key.
 */
export function openMemoryCache({ maxBytes, clock }: MemoryCacheOptions): Cache {
  const kept = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    // An entry larger than the whole cache is not kept, and what the key held before is gone.
    sizeCalculation: ({ entry }, key) => entry.bytes.byteLength + key.length * 2 + OVERHEAD_BYTES,
  });
  let hits = 0;
  let misses = 0;

  /** The entry, if it has not expired; an expired one goes. */
  function find(key: string): CacheEntry | null {
    const found = kept.get(key);
    if (found === undefined) return null;
    if (found.expiresAt > clock.now()) return found.entry;
    kept.delete(key);
    return null;
  }

  return {
    capabilities: { shared: false },
    get(key) {
      const entry = find(key);
      if (entry === null) misses += 1;
      else hits += 1;
      return entry;
    },
    put(key, entry, ttlMs) {
      kept.set(key, { entry: { ...entry, bytes: ownBytes(entry.bytes) }, expiresAt: clock.now() + ttlMs });
    },
    delete(key) {
      const found = find(key) !== null;
      kept.delete(key);
      return found;
    },
    clear(prefix) {
      if (prefix === '') return kept.clear();
      for (const key of [...kept.keys()]) if (key.startsWith(prefix)) kept.delete(key);
    },
    stats: () => ({ hits, misses, entries: kept.size, bytes: kept.calculatedSize }),
    health: () => ({ ok: true, latencyMs: 0 }),
    close: () => kept.clear(),
  };
}

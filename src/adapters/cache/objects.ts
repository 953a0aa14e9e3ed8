import { LRUCache } from 'lru-cache';
import type { ObjectCache } from '../../ports/cache.ts';

/** What the map, the list and the objects around an entry take, roughly. */
const OVERHEAD_BYTES = 512;

/** Values in memory, bounded by bytes; one that is larger than all may be is not kept. */
export function openObjectCache<T extends object>(maxBytes: number): ObjectCache<T> {
  const kept = new LRUCache<string, T>({ maxSize: maxBytes });
  return {
    get: (key) => kept.get(key),
    set(key, value, bytes) {
      kept.set(key, value, { size: bytes + key.length * 2 + OVERHEAD_BYTES });
    },
    get entries() {
      return kept.size;
    },
    get bytes() {
      return kept.calculatedSize;
    },
  };
}

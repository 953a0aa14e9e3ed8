import { hash } from 'node:crypto';
import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { LRUCache } from 'lru-cache';
import { fail } from '../../errors/registry-error.ts';
import type { BlobContent, BlobStore, ByteRange } from '../../ports/blob-store.ts';
import type { CacheStats } from '../../ports/cache.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { clampRange, SMALL_BYTES } from './range.ts';

export interface MemoryFrontSettings {
  /** What is read stays longest; false: what came in last. */
  readonly pinOnAccess: boolean;
  /** Of all blobs together, with what it costs to keep each. An eighth of the machine's memory is the most that is taken. */
  readonly maxBytes: number;
}

/** Small blobs of several stores, kept in this process's memory. */
export interface MemoryFront {
  /** The store with the memory before it. Deletions and sweeps have to go this way, so that they are seen. */
  before(store: BlobStore): BlobStore;
  /** Forgets everything and goes on with other settings; null keeps nothing. */
  configure(settings: MemoryFrontSettings | null): void;
  /** Null while nothing is kept. A miss is a small blob that had to be read from its store. */
  stats(): CacheStats | null;
}

/** What the map and the list around an entry take, roughly. */
const OVERHEAD_BYTES = 256;

/**
 * A memory of blobs of up to 64 KiB before the stores that have them. A blob comes in when all of it is read, and only when its bytes
 * have the digest; one that has not is read again with care, so that its store sets it aside, and fails with BLOB_CORRUPT. What is
 * deleted or swept is forgotten, also when it is being read meanwhile. What another process deletes is not seen: what a digest names
 * stays what it is, and a blob that is to stay has to be there for its `lease`, which asks the store.
 */
export function createMemoryFront(initial: MemoryFrontSettings | null): MemoryFront {
  let kept = openKept(initial);
  let isPinned = initial?.pinOnAccess ?? true;
  let hits = 0;
  let misses = 0;
  let stores = 0;

  function before(store: BlobStore): BlobStore {
    const prefix = stores++ === 0 ? '' : `${stores}:`;
    /** Goes up whenever something may have left the store: what was read before then does not come in. */
    let epoch = 0;
    let sweeps = 0;

    function forget(digest: string): void {
      epoch++;
      kept?.delete(prefix + digest);
    }

    function admit(digest: string, content: BlobContent | null, readAt: number): MaybePromise<BlobContent | null> {
      const bytes = content?.bytes ?? null;
      if (content === null || bytes === null || bytes.byteLength !== content.size || content.size > SMALL_BYTES) {
        return content;
      }
      misses++;
      if (!hasDigest(bytes, digest)) return readWithCare(digest);
      if (kept !== null && readAt === epoch && sweeps === 0) kept.set(prefix + digest, ownCopy(bytes));
      return content;
    }

    async function readWithCare(digest: string): Promise<BlobContent | null> {
      const again = await store.get(digest, undefined, true);
      if (again?.bytes && !hasDigest(again.bytes, digest)) fail('BLOB_CORRUPT', undefined, { digest });
      return again;
    }

    return {
      ...store,
      get(digest, range, verify) {
        if (kept === null) return store.get(digest, range, verify);
        const key = prefix + digest;
        const found = isPinned ? kept.get(key) : kept.peek(key);
        if (found !== undefined) {
          hits++;
          return contentOf(found, range);
        }
        if (range !== undefined) return store.get(digest, range, verify);
        const readAt = epoch;
        return whenReady(store.get(digest, range, verify), (content) => admit(digest, content, readAt));
      },
      stat(digest) {
        const found = kept?.peek(prefix + digest);
        return found === undefined ? store.stat(digest) : { digest, size: found.byteLength };
      },
      async delete(digest) {
        try {
          return await store.delete(digest);
        } finally {
          forget(digest);
        }
      },
      async sweep(isReferenced) {
        sweeps++;
        try {
          return await store.sweep((digest) =>
            whenReady(isReferenced(digest), (isNamed) => {
              if (!isNamed) forget(digest);
              return isNamed;
            }),
          );
        } finally {
          sweeps--;
          epoch++;
        }
      },
      async close() {
        kept?.clear();
        epoch++;
        await store.close();
      },
    };
  }

  return {
    before,
    configure(settings) {
      kept = openKept(settings);
      isPinned = settings?.pinOnAccess ?? true;
    },
    stats: () => (kept === null ? null : { hits, misses, entries: kept.size, bytes: kept.calculatedSize }),
  };
}

type Kept = LRUCache<string, Uint8Array>;

function openKept(settings: MemoryFrontSettings | null): Kept | null {
  const maxSize = Math.floor(
    Math.min(settings?.maxBytes ?? 0, (constrainedMemory() || totalmem()) / 8, totalmem() / 8),
  );
  if (maxSize <= 0) return null;
  return new LRUCache({ maxSize, sizeCalculation: (bytes) => bytes.byteLength + OVERHEAD_BYTES });
}

function hasDigest(bytes: Uint8Array, digest: string): boolean {
  return hash('sha256', bytes, 'hex') === digest.slice('sha256:'.length);
}

/** Nobody else's memory, and no more of it than the blob takes. */
function ownCopy(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

function contentOf(bytes: Uint8Array, range: ByteRange | undefined): BlobContent {
  if (range === undefined) return { size: bytes.byteLength, bytes, stream: null };
  const { start, length } = clampRange(bytes.byteLength, range);
  return { size: bytes.byteLength, bytes: bytes.subarray(start, start + length), stream: null };
}

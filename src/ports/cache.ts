import type { MaybePromise } from '../shared/maybe-promise.ts';

/**
 * A cache is never the truth: whoever uses it stays right when it forgets everything, answers late or is gone.
 * Entries carry the commit sequence they were made at, so that a reader can tell what is older than the last write.
 */
export interface Cache {
  readonly capabilities: CacheCapabilities;
  /** The entry, or null when absent or past its time to live. */
  get(key: string): MaybePromise<CacheEntry | null>;
  /** Keeps an entry for `ttlMs`. What is larger than the cache's own bound is silently not kept. */
  put(key: string, entry: CacheEntry, ttlMs: number): MaybePromise<void>;
  /** Returns whether it was there. */
  delete(key: string): MaybePromise<boolean>;
  /** Forgets every key that starts with `prefix`. */
  clear(prefix: string): MaybePromise<void>;
  stats(): CacheStats;
  health(): MaybePromise<{ readonly ok: boolean; readonly latencyMs: number; readonly reason?: string }>;
  close(): MaybePromise<void>;
}

export interface CacheCapabilities {
  /** Several processes see the same entries. */
  readonly shared: boolean;
}

export interface CacheEntry {
  /** What was kept; never changed by anyone afterwards. Its size in bytes counts against the cache's bound. */
  readonly bytes: Uint8Array;
  /** The record store's sequence when it was made. */
  readonly sequence: number;
}

export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Values of this process, kept as they are: nothing is encoded, and nothing outlives the process. The least recently read goes first. */
export interface ObjectCache<T> {
  get(key: string): T | undefined;
  /** `bytes`: what the value takes, roughly. */
  set(key: string, value: T, bytes: number): void;
  readonly entries: number;
  readonly bytes: number;
}

import type { Readable } from 'node:stream';
import type { DigestAlgorithm } from '../shared/digest.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';

/**
 * Content-addressed bytes. A digest is `sha256:<64 hex>`. Equal content is stored once. What is in the store is whole:
 * a blob appears under its digest only when all of its bytes are durable.
 *
 * Leases hold what no record names yet. Every `put` gives one; `lease` takes another on a blob that exists. The sweeper
 * (`jobs/`) deletes a blob whose leases have all ended and that no record names.
 */
export interface BlobStore {
  readonly capabilities: BlobStoreCapabilities;

  /**
   * Stores a stream, or bytes that are all there and that nobody changes until they are stored. Hashes while it writes; reads nothing again.
   * Fails with DIGEST_MISMATCH, SIZE_MISMATCH, BLOB_TOO_LARGE, BLOB_TOO_SMALL, STORE_FULL or the error of the source, and then leaves
   * nothing behind.
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions): Promise<PutResult>;
  /**
   * The bytes of a blob, or null when there is none. Small content comes in one piece (`bytes`), the rest as a stream
   * whose reader sets the pace and which must be consumed or destroyed. Fails with RANGE_NOT_SATISFIABLE when the range starts
   * beyond the content, and with BLOB_CORRUPT when the blob turns out damaged: it is then in quarantine, absent until put anew.
   * With `verify` small content is compared with its digest also where the store has lately found it sound.
   */
  get(digest: string, range?: ByteRange, verify?: boolean): MaybePromise<BlobContent | null>;
  /** Size and the like without opening it; null when absent. */
  stat(digest: string): MaybePromise<BlobStat | null>;
  /** Returns whether it was there. Does not look at leases: `sweep` does. */
  delete(digest: string): Promise<boolean>;
  /** Digests in byte order. */
  list(after: string | null, limit: number): Promise<readonly BlobStat[]>;

  /** Holds a blob that exists for `ttlMs`; null when it does not exist. */
  lease(digest: string, ttlMs: number): Promise<Lease | null>;
  /** Ends a lease. `settled` says that a record names the blob now, so that the sweeper need not look at it. */
  release(lease: Lease, settled: boolean): Promise<void>;
  /**
   * Deletes blobs whose leases have all ended (by time, by `release(…, false)`, or because their process is gone) unless
   * `isReferenced` says that a record names them; temporary files and uploads that nobody continues go too.
   * Safe beside puts of the same content: a put that finishes later has its blob.
   */
  sweep(isReferenced: (digest: string) => MaybePromise<boolean>): Promise<SweepResult>;

  readonly uploads: UploadSessions;

  health(): Promise<{ readonly ok: boolean; readonly latencyMs: number; readonly reason?: string }>;
  /** Waits for puts in flight and refuses new work with CLOSING. Idempotent. */
  close(): Promise<void>;
}

export interface BlobStoreCapabilities {
  readonly durable: boolean;
  readonly shared: boolean;
}

export interface PutOptions {
  /** Further hashes to take in the same pass; sha256 always is. */
  readonly algorithms?: readonly DigestAlgorithm[];
  /** What the content must turn out to be; of any algorithm (`sha512:…`). */
  readonly expect?: { readonly digest?: string | null; readonly size?: number | null } | null;
  /** Bytes at most; null for the store's own limit. The store's own limit holds anyway. */
  readonly maxBytes?: number | null;
  readonly leaseMs: number;
  readonly signal?: AbortSignal;
  /**
   * Lets a put of bytes that are all there answer as soon as they are hashed and leased; `placing` tells when they are stored. Until then the
   * store may not have them, and nothing that is to last may name them.
   */
  readonly isPlacedLater?: boolean;
  /** For those who read what is put while it comes: told each time that there is more to read; the object is always the same. */
  readonly onGrowth?: (growing: GrowingBytes) => void;
}

/**
 * What a put has taken so far, which may still turn out to be other than expected. All of it when the put has succeeded. It can be read
 * until it is closed, also when the put has ended, either way. Whoever was told of it closes it, once, when no read is under way.
 */
export interface GrowingBytes {
  /** Bytes that can be read. */
  readonly size: number;
  /** Bytes from `start`, which lies below `size`: at least one, `maxBytes` at most. */
  read(start: number, maxBytes: number): MaybePromise<Uint8Array>;
  close(): Promise<void>;
}

export interface PutResult {
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly size: number;
  /** By algorithm, as `<algorithm>:<hex>`; always has sha256. */
  readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>>;
  /** Whether the content was there before; null where that is not known yet. */
  readonly existed: boolean | null;
  readonly lease: Lease;
  /**
   * Where the put was to be placed later: ends when the blob is durable and in the store. Fails with STORE_FULL and BLOB_STORE_FAILURE; the
   * lease has ended then. Null when the blob is in the store already.
   */
  readonly placing: Promise<void> | null;
}

export interface Lease {
  readonly digest: string;
  readonly id: string;
}

/** First and last byte, both included, as in HTTP; `end` may lie beyond the content. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobStat {
  readonly digest: string;
  readonly size: number;
}

export interface BlobContent {
  /** Of the whole blob. */
  readonly size: number;
  /** The range's (or the whole) content: exactly one of the two. */
  readonly bytes: Uint8Array | null;
  readonly stream: Readable | null;
}

export interface SweepResult {
  readonly deletedBlobs: number;
  readonly deletedTemporaryFiles: number;
}

/** Uploads in several requests. They survive a restart. One append at a time for each upload. */
export interface UploadSessions {
  open(ttlMs: number): Promise<{ readonly id: string }>;
  /**
   * Appends at `offset`, which must be where the upload stands (UPLOAD_OUT_OF_ORDER); null appends at the end.
   * When the source breaks off, what arrived before is kept. Returns the new offset. `maxBytes` bounds the upload as a whole
   * (BLOB_TOO_LARGE), as the store's own limit does.
   */
  append(
    id: string,
    offset: number | null,
    source: AsyncIterable<Uint8Array>,
    maxBytes?: number | null,
  ): Promise<number>;
  status(id: string): Promise<{ readonly offset: number } | null>;
  /** Turns the upload into a blob; the hash is taken over all of it. The upload is gone afterwards, unless it failed. */
  finish(id: string, options: Omit<PutOptions, 'signal' | 'onGrowth' | 'isPlacedLater'>): Promise<PutResult>;
  /** Returns whether it was there. */
  cancel(id: string): Promise<boolean>;
}

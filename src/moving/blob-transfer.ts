import { RegistryError } from '../errors/registry-error.ts';
import type { BlobStat, BlobStore } from '../ports/blob-store.ts';

const PAGE = 500;
/** Blobs that are written beside each other: each waits for its own fsync. */
const AT_ONCE = 8;
/** A blob that is written is held for so long, until a record is sure to name it. */
const LEASE_MS = 3_600_000;

/** How far the copying of blobs is. */
export interface BlobsCopied {
  readonly written: number;
  readonly bytes: number;
  /** There before. */
  readonly kept: number;
  /** Digests of those whose content is not what it should be: they were left out. */
  readonly damaged: readonly string[];
}

/** Work that goes on beside other work of its kind, a few at a time. */
export interface Pool {
  /** Resolves when the work has begun; fails where work that began before has failed. */
  start(work: () => Promise<void>): Promise<void>;
  /** Waits for all work; fails where some has failed. */
  end(): Promise<void>;
}

export function createPool(atOnce = AT_ONCE): Pool {
  const running = new Set<Promise<void>>();
  let failure: { readonly cause: unknown } | null = null;
  const check = () => {
    if (failure !== null) throw failure.cause;
  };
  return {
    async start(work) {
      while (running.size >= atOnce) await Promise.race(running);
      check();
      const run: Promise<void> = work()
        .catch((cause: unknown) => {
          failure ??= { cause };
        })
        .finally(() => running.delete(run));
      running.add(run);
    },
    async end() {
      await Promise.all(running);
      check();
    },
  };
}

/**
 * Stores a blob under a digest that its content must have. The lease is settled: a record names it, or will when the move is done. Fails as
 * `BlobStore.put` does.
 */
export async function storeBlob(store: BlobStore, stat: BlobStat, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { lease } = await store.put(content, { expect: stat, leaseMs: LEASE_MS });
  await store.release(lease, true);
}

/** Whether the store has the whole blob. */
export async function hasBlob(store: BlobStore, { digest, size }: BlobStat): Promise<boolean> {
  return (await store.stat(digest))?.size === size;
}

/** Whether an error says that content does not have its digest. */
export function saysDamaged(thrown: unknown): boolean {
  return thrown instanceof RegistryError && ['BLOB_CORRUPT', 'DIGEST_MISMATCH', 'SIZE_MISMATCH'].includes(thrown.code);
}

/** Copies every blob of one store that another does not have, in byte order of the digests. Content is checked as it is written. */
export async function copyBlobs(
  from: BlobStore,
  to: BlobStore,
  onProgress: (copied: BlobsCopied) => void,
): Promise<BlobsCopied> {
  const damaged: string[] = [];
  const copied = { written: 0, bytes: 0, kept: 0, damaged };
  const copy = async (stat: BlobStat) => {
    const content = await from.get(stat.digest);
    // Gone since it was listed: nobody needs it.
    if (content === null) return;
    await storeBlob(to, stat, content.stream ?? one(content.bytes ?? new Uint8Array()));
    copied.written++;
    copied.bytes += stat.size;
  };
  const pool = createPool();
  for await (const stat of everyBlob(from)) {
    await pool.start(async () => {
      if (await hasBlob(to, stat)) copied.kept++;
      else {
        await copy(stat).catch((thrown: unknown) => {
          if (!saysDamaged(thrown)) throw thrown;
          damaged.push(stat.digest);
        });
      }
      onProgress(copied);
    });
  }
  await pool.end();
  return copied;
}

/** Every blob of a store, in byte order of the digests. */
export async function* everyBlob(store: BlobStore): AsyncGenerator<BlobStat> {
  for (let last: string | null = null; ; ) {
    const page: readonly BlobStat[] = await store.list(last, PAGE);
    yield* page;
    last = page.at(-1)?.digest ?? null;
    if (page.length < PAGE) return;
  }
}

/** Bytes as a stream of one piece. */
export async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

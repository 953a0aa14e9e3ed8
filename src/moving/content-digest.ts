import { createHash, type Hash } from 'node:crypto';
import type { DumpedRecord, RecordDump } from '../ports/record-dump.ts';
import type { StoredEvent } from '../ports/record-store.ts';

/** How many there are of something, and a digest (`sha256:<hex>`) over all of it in its order. */
export interface Content {
  readonly count: number;
  readonly digest: string;
}

/** Takes the digest of what passes by. */
export interface ContentDigest<T> {
  add(items: readonly T[]): void;
  result(): Content;
}

/**
 * Of the records of a collection, in byte order of their keys. For each, in UTF-8: the JSON array of key, version, `expiresAt` and the value's length
 * in UTF-16 code units, a line end, the value as stored, a line end. The length keeps a value from passing for two records.
 */
export function recordDigest(): ContentDigest<DumpedRecord> {
  return digestOf((hash, { key, version, expiresAt, value }) => {
    hash.update(`${JSON.stringify([key, version, expiresAt, value.length])}\n${value}\n`);
  });
}

/** Of events, in the order of their positions: a JSON array of position, version, id, type, time and the payload as a text, a line end. */
export function eventDigest(): ContentDigest<StoredEvent> {
  return digestOf((hash, { position, version, id, type, at, payload }) => {
    hash.update(`${JSON.stringify([position, version, id, type, at, payload])}\n`);
  });
}

/** Of blobs, in byte order of their digests: digest, a space, size, a line end. */
export function blobDigest(): ContentDigest<{ readonly digest: string; readonly size: number }> {
  return digestOf((hash, { digest, size }) => {
    hash.update(`${digest} ${size}\n`);
  });
}

function digestOf<T>(update: (hash: Hash, item: T) => void): ContentDigest<T> {
  const hash = createHash('sha256');
  let count = 0;
  return {
    add(items) {
      for (const item of items) update(hash, item);
      count += items.length;
    },
    result: () => ({ count, digest: `sha256:${hash.copy().digest('hex')}` }),
  };
}

/** What a record store holds. */
export interface StoreContent {
  /** By name, in byte order; without those that hold nothing. */
  readonly collections: readonly (Content & { readonly name: string })[];
  readonly events: Content;
}

/**
 * Reads all of a dump. Without what had expired at `now` (null: with it), which one of two equal stores may have swept already.
 * `onRead` is told how much was read with each batch.
 */
export async function contentOf(
  dump: RecordDump,
  now: number | null,
  onRead: (count: number) => void,
): Promise<StoreContent> {
  const collections: (Content & { readonly name: string })[] = [];
  for (const { name } of dump.collections) {
    const digest = recordDigest();
    for await (const batch of dump.records(name)) {
      digest.add(now === null ? batch : batch.filter(({ expiresAt }) => expiresAt === null || expiresAt > now));
      onRead(batch.length);
    }
    const content = digest.result();
    if (content.count > 0) collections.push({ name, ...content });
  }
  const events = eventDigest();
  for await (const batch of dump.log()) {
    events.add(batch);
    onRead(batch.length);
  }
  return { collections, events: events.result() };
}

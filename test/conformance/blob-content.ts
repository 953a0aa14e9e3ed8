import { createHash } from 'node:crypto';
import type { BlobContent, BlobStore, PutResult } from '../../src/ports/blob-store.ts';

/** Bytes that look random and are the same for the same seed. */
export function makeBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** The bytes in chunks of a given size. */
export async function* inChunks(bytes: Uint8Array, chunkBytes = 1000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function* failingAfter(bytes: Uint8Array, error: Error): AsyncIterable<Uint8Array> {
  yield bytes;
  throw error;
}

export function putBytes(store: BlobStore, bytes: Uint8Array, leaseMs = 60_000): Promise<PutResult> {
  return store.put(inChunks(bytes, 16_384), { leaseMs });
}

/** Puts bytes that are all there, and waits until they are in the store. */
export async function putWhole(store: BlobStore, bytes: Uint8Array, leaseMs = 60_000): Promise<PutResult> {
  const put = await store.put(bytes, { leaseMs, isPlacedLater: true });
  await put.placing;
  return put;
}

export async function readContent(content: BlobContent | null): Promise<Buffer | null> {
  if (content === null) return null;
  if (content.bytes !== null) return Buffer.from(content.bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of content.stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A source whose chunks are handed out one by one by the test. */
export function createTap(): {
  readonly source: AsyncIterable<Uint8Array>;
  /** Resolves when the source is asked for its first chunk. */
  readonly asked: Promise<void>;
  give(chunk: Uint8Array): void;
  end(): void;
} {
  const asked = Promise.withResolvers<void>();
  const waiting: ((result: IteratorResult<Uint8Array>) => void)[] = [];
  const ready: IteratorResult<Uint8Array>[] = [];
  const offer = (result: IteratorResult<Uint8Array>) => {
    const next = waiting.shift();
    if (next === undefined) ready.push(result);
    else next(result);
  };
  return {
    asked: asked.promise,
    source: {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          asked.resolve();
          const result = ready.shift();
          return result === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(result);
        },
      }),
    },
    give: (chunk) => offer({ done: false, value: chunk }),
    end: () => offer({ done: true, value: undefined }),
  };
}

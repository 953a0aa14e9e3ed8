import { Readable } from 'node:stream';
import type {
  BlobContent,
  BlobStore,
  ByteRange,
  GrowingBytes,
  PutOptions,
  PutResult,
  SweepResult,
} from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { drain } from './drain.ts';
import { addressHex, type BlobBounds, openIntake } from './intake.ts';
import { createLeaseTable } from './memory-leases.ts';
import { createMemoryUploads } from './memory-uploads.ts';
import { clampRange, SMALL_BYTES, STREAM_BYTES } from './range.ts';

export interface MemoryBlobStoreOptions extends BlobBounds {
  readonly clock: Clock;
}

/** Blobs in this process's memory, for tests and demos: the answers of the other stores, gone with the process. */
export function openMemoryBlobStore(options: MemoryBlobStoreOptions): BlobStore {
  const { clock } = options;
  const blobs = new Map<string, Buffer>();
  const leases = createLeaseTable(clock);

  async function put(source: AsyncIterable<Uint8Array> | Uint8Array, putOptions: PutOptions): Promise<PutResult> {
    const intake = openIntake(putOptions, options);
    const chunks: Buffer[] = [];
    const growing = growingChunks(chunks);
    await drain(source, putOptions.signal, (chunk) => {
      intake.admit(chunk.byteLength);
      intake.hash(chunk);
      chunks.push(Buffer.from(chunk));
      growing.size += chunk.byteLength;
      putOptions.onGrowth?.(growing);
    });
    const { hex, size, digests } = intake.finish();
    const existed = blobs.has(hex);
    if (!existed) blobs.set(hex, Buffer.concat(chunks));
    const lease = leases.take(hex, putOptions.leaseMs);
    return { digest: `sha256:${hex}`, size, digests, existed, lease, placing: null };
  }

  const uploads = createMemoryUploads(clock, options, put);

  async function sweep(isReferenced: Parameters<BlobStore['sweep']>[0]): Promise<SweepResult> {
    let deletedBlobs = 0;
    for (const hex of leases.ended()) {
      const before = leases.taken(hex);
      const referenced = await isReferenced(`sha256:${hex}`);
      // Whoever took a lease during the wait may have a record for it by now: left to the next sweep.
      if (leases.taken(hex) !== before) continue;
      leases.forget(hex);
      if (!referenced && blobs.delete(hex)) deletedBlobs += 1;
    }
    return { deletedBlobs, deletedTemporaryFiles: uploads.sweep() };
  }

  return {
    capabilities: { durable: false, shared: false },
    put,
    get(digest, range) {
      const blob = blobs.get(addressHex(digest));
      return blob === undefined ? null : content(blob, range);
    },
    stat(digest) {
      const blob = blobs.get(addressHex(digest));
      return blob === undefined ? null : { digest, size: blob.byteLength };
    },
    async delete(digest) {
      return blobs.delete(addressHex(digest));
    },
    async list(after, limit) {
      const start = after === null ? '' : addressHex(after);
      return [...blobs]
        .filter(([hex]) => hex > start)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([hex, blob]) => ({ digest: `sha256:${hex}`, size: blob.byteLength }));
    },
    async lease(digest, ttlMs) {
      const hex = addressHex(digest);
      return blobs.has(hex) ? leases.take(hex, ttlMs) : null;
    },
    async release(lease, settled) {
      leases.release(addressHex(lease.digest), lease.id, settled);
    },
    sweep,
    uploads,
    health: async () => ({ ok: true, latencyMs: 0 }),
    async close() {},
  };
}

function growingChunks(chunks: readonly Buffer[]): GrowingBytes & { size: number } {
  return {
    size: 0,
    read(start, maxBytes) {
      let at = start;
      const chunk = chunks.find(({ byteLength }) => {
        if (at < byteLength) return true;
        at -= byteLength;
        return false;
      });
      return chunk?.subarray(at, at + maxBytes) ?? new Uint8Array(0);
    },
    async close() {},
  };
}

function content(blob: Buffer, range: ByteRange | undefined): BlobContent {
  const size = blob.byteLength;
  const { start, length } = clampRange(size, range);
  const bytes = blob.subarray(start, start + length);
  // A copy, so that whoever changes what he got does not change the blob.
  if (length <= SMALL_BYTES) return { size, bytes: Buffer.from(bytes), stream: null };
  return {
    size,
    bytes: null,
    stream: Readable.from(pieces(bytes), { objectMode: false, highWaterMark: STREAM_BYTES }),
  };
}

function* pieces(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += STREAM_BYTES) yield bytes.subarray(at, at + STREAM_BYTES);
}

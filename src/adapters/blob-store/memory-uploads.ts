import { randomUUID } from 'node:crypto';
import { fail } from '../../errors/registry-error.ts';
import type { PutOptions, PutResult, UploadSessions } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { drain } from './drain.ts';
import type { BlobBounds } from './intake.ts';
import { createUploadClaims } from './upload-claims.ts';

interface Upload {
  readonly ttlMs: number;
  chunks: Uint8Array[];
  size: number;
  expiresAt: number;
}

export interface MemoryUploads extends UploadSessions {
  /** Drops uploads that nobody continues; returns how many. */
  sweep(): number;
}

/** `put` is the store's own. */
export function createMemoryUploads(
  clock: Clock,
  bounds: BlobBounds,
  put: (source: AsyncIterable<Uint8Array>, options: PutOptions) => Promise<PutResult>,
): MemoryUploads {
  const uploads = new Map<string, Upload>();
  const claims = createUploadClaims();

  function find(id: string): Upload | null {
    const upload = uploads.get(id);
    return upload === undefined || (upload.expiresAt <= clock.now() && !claims.has(id)) ? null : upload;
  }

  return {
    async open(ttlMs) {
      const id = randomUUID();
      uploads.set(id, { ttlMs, chunks: [], size: 0, expiresAt: clock.now() + ttlMs });
      return { id };
    },
    async append(id, offset, source, maxBytes = null) {
      const upload = find(id) ?? fail('UPLOAD_NOT_FOUND');
      return claims.hold(id, async (claim) => {
        if (offset !== null && offset !== upload.size) {
          fail('UPLOAD_OUT_OF_ORDER', undefined, { offset: upload.size });
        }
        const limit = Math.min(maxBytes ?? bounds.maxBlobBytes, bounds.maxBlobBytes);
        try {
          await drain(source, undefined, (chunk) => {
            claim.check();
            if (upload.size + chunk.byteLength > limit) fail('BLOB_TOO_LARGE', undefined, { maxBytes: limit });
            upload.chunks.push(Uint8Array.from(chunk));
            upload.size += chunk.byteLength;
          });
        } finally {
          upload.expiresAt = clock.now() + upload.ttlMs;
        }
        claim.check();
        return upload.size;
      });
    },
    async status(id) {
      const upload = find(id);
      return upload === null ? null : { offset: upload.size };
    },
    async finish(id, options) {
      const upload = find(id) ?? fail('UPLOAD_NOT_FOUND');
      return claims.hold(id, async () => {
        const result = await put(each(upload.chunks), options);
        uploads.delete(id);
        return result;
      });
    },
    async cancel(id) {
      claims.cancel(id);
      const found = find(id) !== null;
      uploads.delete(id);
      return found;
    },
    sweep() {
      let dropped = 0;
      for (const id of [...uploads.keys()]) {
        if (find(id) === null && uploads.delete(id)) dropped += 1;
      }
      return dropped;
    },
  };
}

async function* each(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}

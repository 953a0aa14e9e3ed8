import { randomUUID } from 'node:crypto';
import { fail } from '../../errors/registry-error.ts';
import type { PutOptions, UploadSessions } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { drain } from './drain.ts';
import { type FileIo, orAbsent, removeFile } from './filesystem-io.ts';
import type { Layout } from './filesystem-layout.ts';
import type { Placer } from './filesystem-place.ts';
import type { QuickIo } from './filesystem-quick.ts';
import { createSpool } from './filesystem-spool.ts';
import { type BlobBounds, type Intake, openIntake } from './intake.ts';
import { STREAM_BYTES } from './range.ts';
import { createUploadClaims } from './upload-claims.ts';

export interface UploadParts {
  readonly io: FileIo;
  readonly quick: QuickIo;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly bounds: BlobBounds;
  readonly place: Placer['place'];
}

export interface FileUploads extends UploadSessions {
  /** Removes uploads that nobody continues; returns how many. */
  sweep(): Promise<number>;
}

/** `<uuid>-<time to live, ms>`: with the file's modification time it says when the upload ends. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-(\d{1,15})$/;

/**
 * Uploads as one file each, whose size is the offset and whose name holds the time to live: there is no second file
 * that could disagree with it after a crash. Two processes that append to one upload at the same offset are not kept
 * apart here; each writes at its own offset, and the hash taken at the end is over what the file then holds.
 */
export function createFileUploads({ io, quick, layout, clock, bounds, place }: UploadParts): FileUploads {
  const claims = createUploadClaims();
  const pathOf = (id: string) => `${layout.uploads}/${id}`;

  /** Where an upload stands; null when it is absent, or has ended and nobody here writes to it. */
  async function find(id: string): Promise<{ offset: number } | null> {
    return claims.has(id) ? look(id, Number.POSITIVE_INFINITY) : look(id, 0);
  }

  async function look(id: string, graceMs: number): Promise<{ offset: number } | null> {
    const ttl = ID.exec(id)?.[1];
    if (ttl === undefined) return null;
    const facts = await orAbsent(io.stat(pathOf(id)));
    if (facts === null || facts.mtimeMs + Number(ttl) + graceMs <= clock.now()) return null;
    return { offset: facts.size };
  }

  /** To be asked by who holds the claim, before he does anything. */
  async function start(id: string): Promise<number> {
    const upload = await look(id, 0);
    return upload === null ? fail('UPLOAD_NOT_FOUND') : upload.offset;
  }

  async function append(
    id: string,
    offset: number | null,
    source: AsyncIterable<Uint8Array>,
    limit: number,
    check: () => void,
  ): Promise<number> {
    let end = await start(id);
    if (offset !== null && offset !== end) fail('UPLOAD_OUT_OF_ORDER', undefined, { offset: end });
    const spool = createSpool(io, quick, pathOf(id), 'r+', end);
    try {
      await drain(source, undefined, async (chunk) => {
        check();
        if (end + chunk.byteLength > limit) fail('BLOB_TOO_LARGE', undefined, { maxBytes: limit });
        await spool.write(chunk);
        end += chunk.byteLength;
      });
    } finally {
      // Also when the source broke off: what came is kept.
      await closeUpload(id, spool.finish, spool.abandon);
    }
    check();
    return end;
  }

  async function closeUpload(id: string, finish: () => Promise<void>, abandon: () => Promise<void>): Promise<void> {
    try {
      await finish();
      await io.touch(pathOf(id), clock.now());
    } catch (error) {
      await abandon().catch(() => undefined);
      // A cancelled upload has no file any more; `check` says so.
      if (await find(id)) throw error;
    }
  }

  async function finish(id: string, options: Omit<PutOptions, 'signal'>, check: () => void) {
    await start(id);
    const intake = openIntake(options, bounds);
    const path = pathOf(id);
    await hashFile(io, path, intake);
    const taken = intake.finish();
    check();
    const result = await place(taken, options.leaseMs, async () => path);
    if (result.existed) await removeFile(io, path);
    return result;
  }

  return {
    async open(ttlMs) {
      const id = `${randomUUID()}-${Math.ceil(ttlMs)}`;
      await io.close(await io.open(pathOf(id), 'wx'));
      await io.touch(pathOf(id), clock.now());
      return { id };
    },
    async append(id, offset, source, maxBytes = null) {
      const limit = Math.min(maxBytes ?? bounds.maxBlobBytes, bounds.maxBlobBytes);
      return claims.hold(id, (claim) => append(id, offset, source, limit, claim.check));
    },
    status: find,
    async finish(id, options) {
      return claims.hold(id, (claim) => finish(id, options, claim.check));
    },
    async cancel(id) {
      if ((await find(id)) === null) return false;
      claims.cancel(id);
      return removeFile(io, pathOf(id));
    },
    async sweep() {
      let removed = 0;
      for (const id of await io.readdir(layout.uploads)) {
        if (ID.test(id) && (await find(id)) === null && (await removeFile(io, pathOf(id)))) removed += 1;
      }
      return removed;
    },
  };
}

/** Passes a whole file through an intake. */
async function hashFile(io: FileIo, path: string, intake: Intake): Promise<void> {
  const fd = await io.open(path, 'r');
  const buffer = Buffer.allocUnsafe(STREAM_BYTES);
  try {
    for (;;) {
      const count = await io.read(fd, buffer, intake.size);
      if (count === 0) return;
      intake.admit(count);
      intake.hash(buffer.subarray(0, count));
    }
  } finally {
    await io.close(fd);
  }
}

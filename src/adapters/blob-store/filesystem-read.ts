import { hash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { fail, RegistryError } from '../../errors/registry-error.ts';
import type { BlobContent, BlobStat, ByteRange } from '../../ports/blob-store.ts';
import type { MaybePromise } from '../../shared/maybe-promise.ts';
import { passOn } from '../../shared/passing-bytes.ts';
import { type FileIo, orAbsent } from './filesystem-io.ts';
import type { Layout } from './filesystem-layout.ts';
import { addressHex } from './intake.ts';
import { clampRange, SMALL_BYTES, STREAM_BYTES } from './range.ts';
import type { Turns } from './turns.ts';

/**
 * Sizes by hex of blobs that this process wrote or found whole lately: they lie in the page cache, most likely. Reading one does not make it
 * later: it is found whole again after sixteen thousand others.
 */
export type KnownBlobs = Pick<LRUCache<string, number>, 'get' | 'peek' | 'set' | 'delete'>;

export function createKnownBlobs(): KnownBlobs {
  return new LRUCache<string, number>({ max: 16_384 });
}

export interface BlobReader {
  get(digest: string, range?: ByteRange, verify?: boolean): MaybePromise<BlobContent | null>;
  stat(digest: string): MaybePromise<BlobStat | null>;
  /** Whether the blob is there. Brings it back when a sweeper has taken it aside and not deleted it yet. */
  restore(hex: string): Promise<boolean>;
}

interface OpenBlob {
  readonly fd: number;
  readonly path: string;
}

/**
 * Reads blobs. A small one that is known is read at once, without a promise: that takes 8 µs where handing it to the
 * thread pool takes 36. One that is not known may lie on a cold disk and is read beside the event loop; its hash is
 * then checked. A damaged blob goes to quarantine.
 */
export function createBlobReader(io: FileIo, layout: Layout, turns: Turns, known: KnownBlobs): BlobReader {
  function getNow(hex: string, size: number, range: ByteRange | undefined): BlobContent | null {
    const { start, length } = clampRange(size, range);
    const bytes = Buffer.allocUnsafe(length);
    try {
      return io.readNow(layout.blob(hex), bytes, start) === length ? { size, bytes, stream: null } : null;
    } catch {
      // Gone, short or in trouble: the long way finds out and says so.
      return null;
    }
  }

  async function getLater(hex: string, range: ByteRange | undefined): Promise<BlobContent | null> {
    const blob = await openBlob(hex);
    if (blob === null) return null;
    let handedOver = false;
    try {
      const { size, ino } = await io.fstat(blob.fd);
      const whole = size <= SMALL_BYTES ? await readExactly(io, blob.fd, 0, size) : null;
      const sound = whole === null ? (known.get(hex) ?? size) === size : hash('sha256', whole, 'hex') === hex;
      if (!sound) {
        await quarantine(hex, blob.path, ino);
        return await getLater(hex, range);
      }
      known.set(hex, size);
      const { start, length } = clampRange(size, range);
      if (whole !== null) return { size, bytes: whole.subarray(start, start + length), stream: null };
      if (length <= SMALL_BYTES) return { size, bytes: await readExactly(io, blob.fd, start, length), stream: null };
      handedOver = true;
      return { size, bytes: null, stream: streamFile(io, blob.fd, start, length) };
    } finally {
      if (!handedOver) await io.close(blob.fd);
    }
  }

  /** Sets a damaged file aside and fails with BLOB_CORRUPT; returns when another file has taken its place meanwhile. */
  async function quarantine(hex: string, path: string, ino: number): Promise<void> {
    const moved = await turns.run(hex, async () => {
      const present = await orAbsent(io.stat(path));
      if (present?.ino !== ino) return false;
      known.delete(hex);
      await io.rename(path, `${layout.quarantine}/${hex}.${randomUUID()}`);
      return true;
    });
    if (moved) fail('BLOB_CORRUPT', undefined, { digest: `sha256:${hex}` });
  }

  async function openBlob(hex: string): Promise<OpenBlob | null> {
    const path = layout.blob(hex);
    const inPlace = await tryOpen(path);
    if (inPlace !== null) return inPlace;
    // A sweeper of another process may have taken it out of its place, to bring it back in a moment, or just has.
    const aside = await findAside(hex);
    return (aside === null ? null : await tryOpen(aside)) ?? tryOpen(path);
  }

  async function tryOpen(path: string): Promise<OpenBlob | null> {
    const fd = await orAbsent(io.open(path, 'r'));
    return fd === null ? null : { fd, path };
  }

  async function findAside(hex: string): Promise<string | null> {
    const name = (await io.readdir(layout.aside)).find((entry) => entry.startsWith(hex));
    return name === undefined ? null : `${layout.aside}/${name}`;
  }

  async function restore(hex: string): Promise<boolean> {
    const isThere = async () => (await orAbsent(io.stat(layout.blob(hex)))) !== null;
    if (await isThere()) return true;
    const aside = await findAside(hex);
    if (aside !== null) await orAbsent(io.rename(aside, layout.blob(hex)));
    return isThere();
  }

  async function statLater(hex: string): Promise<BlobStat | null> {
    const blob = await openBlob(hex);
    if (blob === null) return null;
    try {
      return { digest: `sha256:${hex}`, size: (await io.fstat(blob.fd)).size };
    } finally {
      await io.close(blob.fd);
    }
  }

  return {
    restore,
    get(digest, range, verify) {
      const hex = addressHex(digest);
      const size = known.peek(hex);
      if (size === undefined || size > SMALL_BYTES || verify === true) return getLater(hex, range);
      return getNow(hex, size, range) ?? getLater(hex, range);
    },
    stat(digest) {
      const hex = addressHex(digest);
      if (known.get(hex) === undefined) return statLater(hex);
      try {
        return { digest, size: io.statNow(layout.blob(hex)).size };
      } catch {
        return statLater(hex);
      }
    },
  };
}

async function readExactly(io: FileIo, fd: number, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const count = await io.read(fd, bytes.subarray(at), start + at);
    if (count === 0)
      throw new RegistryError('BLOB_CORRUPT', { message: 'A stored blob became shorter while it was read' });
    at += count;
  }
  return bytes;
}

/** Reads `length` bytes as their reader asks for them; closes the file in the end. */
function streamFile(io: FileIo, fd: number, start: number, length: number): Readable {
  let at = start;
  const end = start + length;
  let reading: Promise<unknown> = Promise.resolve();
  return new Readable({
    highWaterMark: STREAM_BYTES,
    read() {
      if (at === end) return void this.push(null);
      const step = readExactly(io, fd, at, Math.min(STREAM_BYTES, end - at));
      reading = step.then(
        (bytes) => {
          at += bytes.byteLength;
          this.push(passOn(bytes));
        },
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      // The descriptor may not be closed under a read: its number could by then be another file's.
      const close = () =>
        io.close(fd).then(
          () => done(error),
          () => done(error),
        );
      reading.then(close, close);
    },
  });
}

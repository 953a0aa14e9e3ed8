import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** A tar archive that is written as it is made: nothing is kept. */
export interface ArchiveWriter {
  add(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * An entry of exactly `size` bytes, as its head says before the first of them is known. Whether the source had that many and did not fail: where it
   * did, zeros stand for the rest.
   */
  addStream(name: string, size: number, source: AsyncIterable<Uint8Array>): Promise<boolean>;
  /** Ends the archive and waits until `out` has all of it. */
  finish(): Promise<void>;
  /** Gives up. */
  abort(): void;
}

/** Writes to `out`, which is ended with the archive unless `keepsOpen`. The calls fail with the error of `out`. */
export function createArchiveWriter(
  out: Writable,
  { gzip, keepsOpen, at }: { readonly gzip: boolean; readonly keepsOpen: boolean; readonly at: Date },
): ArchiveWriter {
  const archive = pack();
  // By its iterator: it is a stream of another library, and what of it fails or ends early is then seen to.
  const bytes = Readable.from(archive, { objectMode: false });
  const end = { end: !keepsOpen };
  const done = gzip ? pipeline(bytes, createGzip(), out, end) : pipeline(bytes, out, end);
  // Both are told by the call that meets them.
  archive.on('error', () => undefined);
  done.catch(() => undefined);

  /** Fails as `out` did, not as the archive that has nowhere to go. */
  async function orFailure<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      archive.destroy(thrown instanceof Error ? thrown : undefined);
      await done;
      throw thrown;
    }
  }

  function entry(name: string, size: number) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sink = archive.entry({ name, size, mtime: at }, (error) => (error ? reject(error) : resolve()));
    sink.on('error', reject);
    return {
      ended: promise,
      async write(chunk: Uint8Array): Promise<void> {
        if (sink.write(chunk)) return;
        await new Promise<void>((resolve, reject) => {
          const closed = () => {
            sink.off('drain', drained);
            reject(new Error('The archive was closed'));
          };
          const drained = () => {
            sink.off('close', closed);
            resolve();
          };
          sink.once('drain', drained);
          sink.once('close', closed);
        });
      },
      end: () => sink.end(null),
    };
  }

  return {
    add: (name, bytes) =>
      orFailure(
        (async () => {
          const { write, end, ended } = entry(name, bytes.byteLength);
          if (bytes.byteLength > 0) await Promise.race([write(bytes), ended]);
          end();
          await ended;
        })(),
      ),
    addStream: (name, size, source) =>
      orFailure(
        (async () => {
          const { write, end, ended } = entry(name, size);
          ended.catch(() => undefined);
          const { left, whole } = await passOnAtMost(size, source, write);
          for (let rest = left; rest > 0; rest -= ZEROS.byteLength) await write(ZEROS.subarray(0, rest));
          end();
          await ended;
          return whole;
        })(),
      ),
    finish: () =>
      orFailure(
        (async () => {
          archive.finalize();
          await done;
          if (keepsOpen) await flushed(out);
        })(),
      ),
    abort: () => archive.destroy(new Error('The backup was given up')),
  };
}

/** A stream that stays open takes what it is given into its own memory first, where it may be lost. */
function flushed(out: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    out.write(new Uint8Array(), (error) => (error ? reject(error) : resolve()));
  });
}

const ZEROS = new Uint8Array(65_536);

/** Hands `size` bytes of a source on. What the source throws is an answer; what `write` throws is a failure. */
async function passOnAtMost(
  size: number,
  source: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<{ readonly left: number; readonly whole: boolean }> {
  let left = size;
  const reading = source[Symbol.asyncIterator]();
  for (;;) {
    let step: IteratorResult<Uint8Array>;
    try {
      step = await reading.next();
    } catch {
      return { left, whole: false };
    }
    if (step.done === true) return { left, whole: left === 0 };
    if (step.value.byteLength > left) {
      await reading.return?.();
      return { left, whole: false };
    }
    left -= step.value.byteLength;
    await write(step.value);
  }
}

import type { MaybePromise } from '../../shared/maybe-promise.ts';
import { type FileFacts, type FileIo, orAbsent } from './filesystem-io.ts';

/**
 * Calls on names and small pieces, which take microseconds where the disk keeps up: to hand one to the thread pool takes several times
 * as long as the call. They are made at once, and by the pool while the disk does not keep up. Errors are as those of `FileIo`.
 */
export interface QuickIo {
  /** Makes a file that is not there. */
  create(path: string): MaybePromise<number>;
  /** Returns how many bytes were taken, which may be fewer. `LARGE_BYTES` and more always go by the pool. */
  write(fd: number, bytes: Uint8Array, position: number): MaybePromise<number>;
  close(fd: number): MaybePromise<void>;
  /** Null when it is not there. */
  stat(path: string): MaybePromise<FileFacts | null>;
  rename(from: string, to: string): MaybePromise<void>;
  link(file: string, name: string): MaybePromise<void>;
  unlink(path: string): MaybePromise<void>;
}

/** Such calls may hold the event loop for this share of the time, */
const SHARE = 0.25;
/** and for so many milliseconds before that counts. */
const CREDIT_MS = 20;

/** Pieces of this size have others before or behind them: what is written with them fills the kernel's memory until it has to wait. */
const LARGE_BYTES = 64 * 1024;

/** `clock` gives milliseconds that only grow. */
export function createQuickIo(io: FileIo, clock: () => number = () => performance.now()): QuickIo {
  /** Milliseconds that calls have held the event loop, less the share of those that have passed. */
  let held = 0;
  let at = clock();

  function run<T>(now: () => T, later: () => Promise<T>): MaybePromise<T> {
    const began = clock();
    held = Math.max(0, held - (began - at) * SHARE);
    at = began;
    if (held > CREDIT_MS) return later();
    try {
      return now();
    } finally {
      held += clock() - began;
    }
  }

  return {
    create: (path) =>
      run(
        () => io.createNow(path),
        () => io.open(path, 'wx'),
      ),
    write: (fd, bytes, position) =>
      bytes.byteLength >= LARGE_BYTES
        ? io.write(fd, bytes, position)
        : run(
            () => io.writeNow(fd, bytes, position),
            () => io.write(fd, bytes, position),
          ),
    close: (fd) =>
      run(
        () => io.closeNow(fd),
        () => io.close(fd),
      ),
    stat: (path) =>
      run(
        () => io.findNow(path),
        () => orAbsent(io.stat(path)),
      ),
    rename: (from, to) =>
      run(
        () => io.renameNow(from, to),
        () => io.rename(from, to),
      ),
    link: (file, name) =>
      run(
        () => io.linkNow(file, name),
        () => io.link(file, name),
      ),
    unlink: (path) =>
      run(
        () => io.unlinkNow(path),
        () => io.unlink(path),
      ),
  };
}

import { rmSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { RegistryError } from '../errors/registry-error.ts';
import { letGo } from '../shared/passing-bytes.ts';

/** A file that bears its name only when it is whole. */
export interface BackupFile {
  /** Begins it, beside the place that it is to have. Fails with the error of the file system. */
  open(): Promise<Writable>;
  /** When what `open` gave has ended: gives the file its name, in place of one that had it, durably. */
  keep(): Promise<void>;
  /** Removes what was written so far. At once, so that a process can do it at its end; nothing once it was kept. */
  discard(): void;
}

/** Nothing is done before `open`: whoever sees to `discard` does so before there is anything. */
export function backupFileAt(path: string): BackupFile {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  let isKept = false;
  return {
    // It holds hashes of passwords and keys.
    open: async () => writableOf(await open(temporary, 'w', 0o600)),
    async keep() {
      await rename(temporary, path);
      isKept = true;
      const folder = await open(dirname(path), 'r');
      await folder.sync().finally(() => folder.close());
    },
    discard() {
      if (!isKept) rmSync(temporary, { force: true });
    },
  };
}

/** Writes to a file, makes it durable at the end, and closes it. The last to use what passes through. */
function writableOf(handle: FileHandle): Writable {
  const settle = (work: Promise<unknown>, done: (error?: Error) => void) =>
    void work.then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  const writeAll = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.byteLength; ) at += (await handle.write(chunk, at)).bytesWritten;
    letGo(chunk);
  };
  return new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Uint8Array, _encoding, done) => settle(writeAll(chunk), done),
    final: (done) => settle(handle.sync(), done),
    destroy: (error, done) => settle(handle.close(), (trouble) => done(error ?? trouble ?? null)),
  });
}

/** What the file system says of a backup's file, as a failure with a sentence; anything else as it is. */
export function toFileError(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error && 'syscall' in thrown && 'code' in thrown)) return thrown;
  const code = thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT' ? 'STORE_FULL' : 'STORE_FAILURE';
  return new RegistryError(code, { message: `${path}: ${thrown.message}` });
}

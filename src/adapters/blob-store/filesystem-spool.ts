import type { FileIo } from './filesystem-io.ts';
import type { QuickIo } from './filesystem-quick.ts';

/** Small chunks are gathered until so many bytes go to the disk at once. */
const PIECE_BYTES = 64 * 1024;

/** Memory that spools have done with: to ask for it anew each time would keep the garbage collector busy. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;

/** Writes chunks to a file, which is opened when the first piece is due. */
export interface Spool {
  /** Resolves when the chunk was copied or written: its memory may be used again. */
  write(chunk: Uint8Array): Promise<void>;
  /** Writes what was only copied so far. */
  flush(): Promise<void>;
  /** As `write` of all that there is, and `finish`; copies nothing. */
  writeWhole(bytes: Uint8Array): Promise<void>;
  /** Writes the rest, makes it durable and closes the file. */
  finish(): Promise<void>;
  /** Closes the file, whatever state it is in. To be called after a failure; does nothing after `finish`. */
  abandon(): Promise<void>;
  /** Whether the file was opened. */
  readonly opened: boolean;
}

/** `flags` `wx` makes the file anew; `r+` writes into one that exists, from `position`. `onWritten` is told how long the file is. */
export function createSpool(
  io: FileIo,
  quick: QuickIo,
  path: string,
  flags: 'wx' | 'r+',
  start: number,
  onWritten?: (size: number) => Promise<void>,
): Spool {
  let fd: number | null = null;
  let opened = false;
  let position = start;
  let pending: Buffer | null = null;
  let filled = 0;

  async function writeOut(bytes: Uint8Array): Promise<void> {
    if (fd === null) {
      fd = flags === 'wx' ? await quick.create(path) : await io.open(path, flags);
      opened = true;
    }
    for (let at = 0; at < bytes.byteLength; ) {
      const written = await quick.write(fd, at === 0 ? bytes : bytes.subarray(at), position);
      at += written;
      position += written;
    }
    await onWritten?.(position);
  }

  function letPieceGo(): void {
    if (pending !== null && spare.length < MAX_SPARE) spare.push(pending);
    pending = null;
  }

  async function flush(): Promise<void> {
    if (pending === null || filled === 0) return;
    const bytes = pending.subarray(0, filled);
    await writeOut(bytes);
    filled = 0;
  }

  async function syncAndClose(): Promise<void> {
    letPieceGo();
    if (fd === null) return;
    await io.fsync(fd);
    const closing = fd;
    fd = null;
    await quick.close(closing);
  }

  return {
    get opened() {
      return opened;
    },
    async write(chunk) {
      let rest = chunk;
      while (rest.byteLength > 0) {
        if (filled === 0 && rest.byteLength >= PIECE_BYTES) return writeOut(rest);
        pending ??= spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
        const part = rest.subarray(0, PIECE_BYTES - filled);
        pending.set(part, filled);
        filled += part.byteLength;
        rest = rest.subarray(part.byteLength);
        if (filled === PIECE_BYTES) await flush();
      }
    },
    flush,
    async writeWhole(bytes) {
      await writeOut(bytes);
      await syncAndClose();
    },
    async finish() {
      await flush();
      if (fd === null) await writeOut(new Uint8Array(0));
      await syncAndClose();
    },
    async abandon() {
      if (fd === null) return;
      const closing = fd;
      fd = null;
      // What was not synced, network file systems write back before they close.
      await io.close(closing);
    },
  };
}

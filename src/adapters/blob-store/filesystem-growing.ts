import { fail } from '../../errors/registry-error.ts';
import type { GrowingBytes, PutOptions } from '../../ports/blob-store.ts';
import { passOn } from '../../shared/passing-bytes.ts';
import type { FileIo } from './filesystem-io.ts';

/**
 * Tells of a file that is being written, by the size that it has each time. It is read through a descriptor of its own, which stays good
 * when the file moves to its place or is removed.
 */
export function tellGrowth(
  io: FileIo,
  path: string,
  onGrowth: PutOptions['onGrowth'],
): ((size: number) => Promise<void>) | undefined {
  if (onGrowth === undefined) return undefined;
  let growing: (GrowingBytes & { size: number }) | null = null;
  return async (size) => {
    if (size === 0) return;
    growing ??= readable(io, await io.open(path, 'r'));
    growing.size = size;
    onGrowth(growing);
  };
}

function readable(io: FileIo, fd: number): GrowingBytes & { size: number } {
  return {
    size: 0,
    async read(start, maxBytes) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(maxBytes, this.size - start));
      const count = await io.read(fd, bytes, start);
      if (count === 0) fail('BLOB_STORE_FAILURE', 'A file became shorter while it was written');
      return count === bytes.byteLength ? passOn(bytes) : bytes.subarray(0, count);
    },
    close: () => io.close(fd),
  };
}

/**
 * Memory of bytes that pass through the process. The collector takes a large buffer for a small object, so that dead ones add up to some
 * 60 MiB between two collections while a gigabyte goes through. Whoever makes such a chunk passes it on, and the last to use it lets it go:
 * its memory is free at once. Chunks that are never let go are left to the collector, as ever.
 *
 * Whoever reads a stream and keeps a chunk as it is, for longer than until the next one, has to `keep` it (or copy it).
 */
const passing = new WeakSet<Uint8Array>();

/** What is smaller is not worth the trouble. */
const LEAST_BYTES = 4096;

/** Says that nobody but the chunk's reader will use its memory. Gives the chunk back. A view of larger memory is not meant, and stays. */
export function passOn<T extends Uint8Array>(chunk: T): T {
  if (chunk.byteLength >= LEAST_BYTES && chunk.byteLength === chunk.buffer.byteLength) passing.add(chunk);
  return chunk;
}

/** Gives the memory of a chunk back that was passed on: it has no bytes afterwards. Leaves any other chunk as it is. */
export function letGo(chunk: Uint8Array): void {
  if (passing.delete(chunk) && chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
}

/** Says that the chunk goes no further, so that nobody lets it go. Gives the chunk back. */
export function keep<T extends Uint8Array>(chunk: T): T {
  passing.delete(chunk);
  return chunk;
}

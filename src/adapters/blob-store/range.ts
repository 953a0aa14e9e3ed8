import { fail } from '../../errors/registry-error.ts';
import type { ByteRange } from '../../ports/blob-store.ts';

/** Content of up to this many bytes comes in one piece. */
export const SMALL_BYTES = 64 * 1024;

/** How much of larger content is read at once. */
export const STREAM_BYTES = 256 * 1024;

/** The part of `size` bytes that a range asks for; without one all of it. Fails with RANGE_NOT_SATISFIABLE. */
export function clampRange(size: number, range: ByteRange | undefined): { start: number; length: number } {
  if (range === undefined) return { start: 0, length: size };
  if (range.start >= size) fail('RANGE_NOT_SATISFIABLE', undefined, { size });
  return { start: range.start, length: Math.min(range.end, size - 1) - range.start + 1 };
}

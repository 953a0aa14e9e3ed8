import { RandomAccessReader } from 'yauzl';
import { invalid } from './entry.ts';

/** Reads bytes from `start` up to but not `end`, which lie inside of the content. */
export type ReadRange = (start: number, end: number) => Promise<Buffer>;

/** The directory is read in small bites, one after another: they are taken from pieces of this size. */
const WINDOW_BYTES = 64 * 1024;

/** The bytes of an archive, wherever they are asked for. */
export class ZipBytes extends RandomAccessReader {
  /** What reading failed with. */
  failure: { readonly cause: unknown } | null = null;
  readonly #size: number;
  readonly #read: ReadRange;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(size: number, read: ReadRange) {
    super();
    this.#size = size;
    this.#read = read;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.bytesAt(position, length).then(
      (bytes) => callback(null, bytes.copy(buffer, offset)),
      (error: Error) => callback(error),
    );
  }

  /** Fails with ARCHIVE_INVALID where the archive ends before. */
  async bytesAt(start: number, length: number): Promise<Buffer> {
    const end = start + length;
    if (!Number.isSafeInteger(end) || start < 0 || end > this.#size) invalid('it ends early');
    if (length === 0) return Buffer.alloc(0);
    const windowEnd = this.#windowStart + this.#window.length;
    if (start < this.#windowStart || end > windowEnd) {
      this.#window = await this.#load(start, Math.max(end, Math.min(start + WINDOW_BYTES, this.#size)));
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }

  async #load(start: number, end: number): Promise<Buffer> {
    try {
      return await this.#read(start, end);
    } catch (cause) {
      this.failure = { cause };
      throw cause;
    }
  }
}

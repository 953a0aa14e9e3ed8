import type { OpenBytes } from '../../language/values.ts';
import { letGo } from '../../shared/passing-bytes.ts';

/** Reads opened bytes chunk by chunk, for several who take turns: each leaves `at` where it stopped. A chunk must not be kept past `more`. */
export class ChunkReader {
  chunk: Buffer = Buffer.alloc(0);
  /** The first byte of the chunk that nobody took. */
  at = 0;
  readonly #opened: OpenBytes;
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #current: Uint8Array | null = null;

  constructor(opened: OpenBytes) {
    this.#opened = opened;
    this.#chunks =
      opened.stream === null
        ? (opened.bytes === null ? [] : [opened.bytes])[Symbol.iterator]()
        : (opened.stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  }

  /** Goes on to the next chunk, which is never empty; false at the end. To be called when the chunk is used up. */
  async more(): Promise<boolean> {
    if (this.#current !== null) letGo(this.#current);
    this.#current = null;
    this.at = 0;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        this.chunk = Buffer.alloc(0);
        return false;
      }
      if (value.byteLength === 0) continue;
      this.#current = value;
      this.chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return true;
    }
  }

  /** Ends the source, wherever it stands. */
  close(): void {
    this.#opened.stream?.destroy();
  }
}

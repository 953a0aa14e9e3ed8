import { letGo } from '../shared/passing-bytes.ts';

const NOTHING = Buffer.alloc(0);

/** What comes chunk by chunk, or is there. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Reads a stream chunk by chunk, for several who take turns: each leaves `at` where it stopped. A chunk must not be kept past `more`. */
export class ChunkReader {
  chunk: Buffer = NOTHING;
  /** The first byte of the chunk that nobody took. */
  at = 0;
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #current: Uint8Array | null = null;

  constructor(chunks: Chunks) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** Goes on to the next chunk, which is never empty; false at the end. What is left of this one goes by. */
  async more(): Promise<boolean> {
    if (this.#current !== null) letGo(this.#current);
    this.#current = null;
    this.chunk = NOTHING;
    this.at = 0;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return false;
      if (value.byteLength === 0) continue;
      this.#current = value;
      this.chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return true;
    }
  }
}

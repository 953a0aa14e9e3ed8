import type { OpenBytes } from '../language/values.ts';

/** Opened bytes, chunk by chunk. Whoever stops early destroys the stream. */
export async function* openedChunks(opened: OpenBytes): AsyncGenerator<Uint8Array> {
  if (opened.bytes !== null) yield opened.bytes;
  else if (opened.stream !== null) yield* opened.stream as AsyncIterable<Uint8Array>;
}

import { Readable } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { invalid } from './entry.ts';

const CHUNK_BYTES = 64 * 1024;
/** What is unpacked on this thread: more takes longer than asking another one. */
const SMALL_PACKED_BYTES = 64 * 1024;
const SMALL_BYTES = 256 * 1024;

/** What a little gzip packed, at once; null where that is too much, or anything is wrong with it: `gunzip` says what. */
export function gunzipNow(packed: Uint8Array): Uint8Array | null {
  if (packed.byteLength > SMALL_PACKED_BYTES) return null;
  try {
    const { buffer, engine } = gunzipSync(packed, { maxOutputLength: SMALL_BYTES, info: true }) as unknown as Unpacked;
    return engine.bytesWritten === packed.byteLength ? buffer : null;
  } catch {
    return null;
  }
}

/** What `info` makes of the answer. */
interface Unpacked {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * What gzip packed (RFC 1952), members one after another as one; unpacked off this thread, at the reader's pace. Fails with ARCHIVE_INVALID
 * where it is damaged, ends early, or anything follows it, and with the error of the source as it is.
 */
export async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let read = 0;
  let failure: { readonly cause: unknown } | null = null;
  const counted = async function* () {
    try {
      for await (const chunk of packed) {
        read += chunk.byteLength;
        yield chunk;
      }
    } catch (cause) {
      failure = { cause };
      throw cause;
    }
  };
  const source = Readable.from(counted(), { objectMode: false });
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  source.on('error', (error) => unpacked.destroy(error));
  source.pipe(unpacked);
  try {
    yield* unpacked as AsyncIterable<Uint8Array>;
    // It stops at zeros behind its end without a word.
    if (unpacked.bytesWritten !== read) invalid('something follows the end of its gzip data');
  } catch (thrown) {
    const cause = failure as { readonly cause: unknown } | null;
    if (cause !== null) throw cause.cause;
    throw thrown instanceof Error && 'errno' in thrown ? asInvalid(thrown) : thrown;
  } finally {
    unpacked.destroy();
    source.destroy();
  }
}

function asInvalid(error: Error): never {
  return invalid(/unexpected end/.test(error.message) ? 'its gzip data ends early' : 'its gzip data is damaged');
}

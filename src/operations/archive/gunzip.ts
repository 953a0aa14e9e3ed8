import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { invalid } from './entry.ts';

const CHUNK_BYTES = 64 * 1024;

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

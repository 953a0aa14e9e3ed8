import { RegistryError } from '../../errors/registry-error.ts';
import type { ByteHandle } from '../../language/values.ts';
import type { UpstreamResponse } from '../../ports/upstream.ts';
import { readAll } from '../read-all.ts';

/** Answers up to this size are read at once, so that they can be read again. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** The bytes of an upstream's answer: read once, or again where they are few and their number was stated. */
export async function fetchedBody(response: UpstreamResponse, isHead: boolean): Promise<ByteHandle> {
  const mediaType = response.headers['content-type'] ?? null;
  if (isHead) {
    response.body.destroy();
    return heldBytes(new Uint8Array(0), mediaType);
  }
  const once = streamedOnce(response, mediaType);
  if (response.size === null || response.size > MAX_BUFFERED_BYTES) return once;
  const bytes = await readAll(once, MAX_BUFFERED_BYTES, () => {
    throw new RegistryError('UPSTREAM_INVALID', { message: 'The upstream sent more than it stated' });
  });
  return heldBytes(bytes, mediaType);
}

function heldBytes(bytes: Uint8Array, mediaType: string | null): ByteHandle {
  return {
    isByteHandle: true,
    size: bytes.length,
    mediaType,
    digests: NO_DIGESTS,
    reopenable: true,
    open: (range) => ({
      size: bytes.length,
      bytes: range === undefined ? bytes : bytes.subarray(range.start, range.end + 1),
      stream: null,
    }),
  };
}

function streamedOnce(response: UpstreamResponse, mediaType: string | null): ByteHandle {
  let isOpened = false;
  return {
    isByteHandle: true,
    size: response.size,
    mediaType,
    digests: NO_DIGESTS,
    reopenable: false,
    open: () => {
      if (isOpened) throw new RegistryError('BODY_CONSUMED');
      isOpened = true;
      return { size: response.size, bytes: null, stream: response.body };
    },
  };
}

const NO_DIGESTS = Object.freeze({});

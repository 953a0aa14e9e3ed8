import { RegistryError } from '../errors/registry-error.ts';
import type { ByteHandle, OpenBytes } from '../language/values.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { keep } from '../shared/passing-bytes.ts';

/**
 * The whole content of a handle. Calls `tooLarge`, which must throw, as soon as there are more than `maxBytes`. Fails with BODY_TRUNCATED when
 * there are fewer than the handle stated, and with whatever opening or reading it fails with.
 */
export function readAll(handle: ByteHandle, maxBytes: number, tooLarge: () => never): MaybePromise<Uint8Array> {
  return whenReady(handle.open(), (opened) => {
    if (opened.bytes === null) return drain(opened, maxBytes, tooLarge);
    return opened.bytes.length > maxBytes ? tooLarge() : opened.bytes;
  });
}

async function drain(opened: OpenBytes, maxBytes: number, tooLarge: () => never): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (opened.stream ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) tooLarge();
    chunks.push(chunk);
  }
  if (opened.size !== null && length < opened.size) throw new RegistryError('BODY_TRUNCATED');
  return chunks.length === 1 ? keep(chunks[0]!) : Buffer.concat(chunks, length);
}

/**
 * Bytes to be kept for long. Small buffers are often parts of a large one (Node cuts them from slabs of 64 KiB), all of which stays as long
 * as any part does: such bytes are copied, so that they take what they say.
 */
export function ownBytes<T extends Uint8Array>(bytes: T): T | Buffer {
  if (bytes.byteLength * 2 > bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

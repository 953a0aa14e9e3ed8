/** A copy with room for `length` elements, and for half as many again as there were; those that are new are 0. */
export function enlarged<T extends Uint8Array | Uint32Array>(array: T, length: number): T;
export function enlarged(array: Uint8Array | Uint32Array, length: number): Uint8Array | Uint32Array {
  const room = Math.max(length, array.length + (array.length >> 1));
  const copy = array instanceof Uint8Array ? new Uint8Array(room) : new Uint32Array(room);
  copy.set(array);
  return copy;
}

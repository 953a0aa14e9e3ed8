/**
 * Whole numbers from 0 to 2 ** 32 - 1 as a text, two code units for each: four bytes where a list needs eight, and nothing that the
 * garbage collector has to look into.
 */
export function packNumbers(numbers: readonly number[]): string {
  return Buffer.from(Uint32Array.from(numbers).buffer).toString('utf16le');
}

/** The numbers that `packNumbers` made the text of. */
export function unpackNumbers(text: string): readonly number[] {
  const numbers: number[] = [];
  for (let at = 0; at < text.length; at += 2) {
    numbers.push((text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)) >>> 0);
  }
  return numbers;
}

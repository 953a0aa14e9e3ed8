const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A number in base 62, padded with zeros to `width` digits. Letters and digits only: one double click selects it. */
export function encodeBase62(number: bigint, width: number): string {
  let text = '';
  for (let rest = number; rest > 0n; rest /= 62n) text = DIGITS.charAt(Number(rest % 62n)) + text;
  return text.padStart(width, '0');
}

/** Bytes, read as one big-endian number, in base 62. */
export function encodeBytes(bytes: Buffer, width: number): string {
  return encodeBase62(BigInt(`0x${bytes.toString('hex')}`), width);
}

import { randomBytes } from 'node:crypto';
import { encodeBytes } from './base62.ts';

/** A password for who gives none: 144 random bits in 25 letters and digits. */
export function generatePassword(): string {
  return encodeBytes(randomBytes(18), 25);
}

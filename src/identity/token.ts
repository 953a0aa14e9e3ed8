import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { encodeBase62, encodeBytes } from './base62.ts';

/** What every token starts with: people, logs and secret scanners recognise it. No password may start like this. */
export const TOKEN_PREFIX = 'ept_';

/** 256 random bits need 43 digits, the checksum's 32 bits need 6. */
const RANDOM_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const FORM = /^ept_[0-9A-Za-z]{49}$/;
const CHECKSUM_AT = TOKEN_PREFIX.length + RANDOM_DIGITS;

/** Half of the hash. It names the record, while the whole hash decides. */
const ID_DIGITS = 32;
const ID = /^[0-9a-f]{32}$/;

/** What is known of a token without the token itself. */
export interface TokenDigest {
  /** 32 hex digits. */
  readonly id: string;
  /** SHA-256 in hex. */
  readonly hash: string;
}

/** A new token: `ept_`, 43 random digits and a checksum of 6, all base 62. */
export function generateToken(): TokenDigest & { readonly token: string } {
  const body = TOKEN_PREFIX + encodeBytes(randomBytes(32), RANDOM_DIGITS);
  const token = body + checksum(body);
  return { token, ...digest(token) };
}

/** The id and hash of a token; null for what cannot be one (form or checksum), before any store is asked. */
export function digestToken(text: string): TokenDigest | null {
  if (!FORM.test(text) || checksum(text.slice(0, CHECKSUM_AT)) !== text.slice(CHECKSUM_AT)) return null;
  return digest(text);
}

/** Whether a text can be a token's id at all: 32 hex digits. */
export function isTokenId(text: string): boolean {
  return ID.test(text);
}

/** Whether two hashes agree, in a time that does not depend on where they differ. */
export function sameHash(left: string, right: string): boolean {
  const a = Buffer.from(left, 'hex');
  const b = Buffer.from(right, 'hex');
  return a.length === b.length && timingSafeEqual(a, b);
}

function digest(token: string): TokenDigest {
  const hex = hash('sha256', token, 'hex');
  return { id: hex.slice(0, ID_DIGITS), hash: hex };
}

function checksum(body: string): string {
  return encodeBase62(BigInt(crc32(body)), CHECKSUM_DIGITS);
}

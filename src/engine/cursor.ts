import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Json } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';

const TAG_BYTES = 16;

/**
 * An opaque, signed cursor: `base64url(tag + JSON)`. The tag covers the purpose (which list, in which order, of which generation), so
 * that a cursor of one list is refused by another, and nobody can make one up.
 */
export function sealCursor(key: Buffer, purpose: string, position: Json): string {
  const body = Buffer.from(JSON.stringify(position));
  return Buffer.concat([tag(key, purpose, body), body]).toString('base64url');
}

/** The position that was sealed. Fails with CURSOR_INVALID. */
export function openCursor(key: Buffer, purpose: string, cursor: string): Json {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.length <= TAG_BYTES) throw new RegistryError('CURSOR_INVALID');
  const body = bytes.subarray(TAG_BYTES);
  if (!timingSafeEqual(bytes.subarray(0, TAG_BYTES), tag(key, purpose, body)))
    throw new RegistryError('CURSOR_INVALID');
  return JSON.parse(body.toString()) as Json;
}

function tag(key: Buffer, purpose: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(purpose).update('\0').update(body).digest().subarray(0, TAG_BYTES);
}

import { randomUUID } from 'node:crypto';

/**
 * A random id that begins with the time in milliseconds, as a UUID of version 7 (RFC 9562, section 5.7; 74 bits are random). Ids of one time lie
 * beside each other in the index of a store, which then writes a few of its pages instead of one for each id.
 */
export function timeOrderedId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

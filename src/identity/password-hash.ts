import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { RegistryError } from '../errors/registry-error.ts';

/** What one hash costs. */
export interface HashCost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** Source: OWASP Password Storage Cheat Sheet, Argon2id with m=19 MiB, t=2, p=1. */
export const DEFAULT_COST: HashCost = Object.freeze({ memoryKiB: 19_456, passes: 2, parallelism: 1 });

const SALT_BYTES = 16;
const TAG_BYTES = 32;
const ENCODED =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{11,86})$/;

/**
 * Hashes a password: `$argon2id$v=19$m=…,t=…,p=…$salt$tag` (the PHC string format; unpadded base64).
 * The cost stands in the string, so that it can change while older hashes stay good.
 */
export async function hashPassword(password: string, cost: HashCost): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return encode(cost, salt, await derive(password, cost, salt, TAG_BYTES));
}

/** Whether the password has this hash. Fails with INTERNAL on a hash that is not one of `hashPassword`. */
export async function verifyPassword(password: string, encoded: string): Promise<boolean> {
  const { cost, salt, tag } = decode(encoded);
  return timingSafeEqual(tag, await derive(password, cost, salt, tag.length));
}

/** Whether a hash was made at another cost than this one. */
export function isOutdated(encoded: string, cost: HashCost): boolean {
  const stored = decode(encoded).cost;
  return (
    stored.memoryKiB !== cost.memoryKiB || stored.passes !== cost.passes || stored.parallelism !== cost.parallelism
  );
}

/** A hash that no password has. Checking one takes as long as checking a real hash of the same cost. */
export function unmatchableHash(cost: HashCost): string {
  return encode(cost, randomBytes(SALT_BYTES), randomBytes(TAG_BYTES));
}

function derive(password: string, cost: HashCost, nonce: Buffer, tagLength: number): Promise<Buffer> {
  const { memoryKiB: memory, passes, parallelism } = cost;
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message: password, nonce, parallelism, tagLength, memory, passes }, (error, tag) => {
      if (error) reject(error);
      else resolve(tag);
    });
  });
}

function encode(cost: HashCost, salt: Buffer, tag: Buffer): string {
  const parameters = `m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`;
}

function decode(encoded: string): { readonly cost: HashCost; readonly salt: Buffer; readonly tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] = ENCODED.exec(encoded) ?? [];
  // The hash must not appear in the message: messages are logged.
  if (salt === undefined || tag === undefined) {
    throw new RegistryError('INTERNAL', { message: 'A stored password hash cannot be read' });
  }
  return {
    cost: { memoryKiB: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

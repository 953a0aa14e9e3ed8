import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../shared/clock.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { openGate } from './gate.ts';
import { type HashCost, hashPassword, unmatchableHash, verifyPassword } from './password-hash.ts';

/** Hashes and checks passwords at a bounded cost. */
export interface PasswordChecks {
  /** Fails with RATE_LIMITED. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password has this hash; answers at once for what was checked within the last five minutes.
   * A null hash (no such user, no password) takes as long as any other and is never right. Fails with RATE_LIMITED.
   */
  verify(username: string, password: string, hash: string | null): MaybePromise<boolean>;
}

const REMEMBER_MS = 5 * 60_000;
const REMEMBERED = 10_000;

/** Hashing holds a thread of Node's pool of four; the files need the others. */
const RUNNING = 2;
const WAITING = 32;

/**
 * Opens the checks. A check is remembered under an HMAC, with a key that only this process knows, of the user, the password and the
 * stored hash: a changed password is another hash and thus another entry, so nothing has to be forgotten when it changes.
 */
export function openPasswordChecks(options: { readonly clock: Clock; readonly cost: HashCost }): PasswordChecks {
  const { clock, cost } = options;
  const secret = createSecretKey(randomBytes(32));
  const nobody = unmatchableHash(cost);
  const gate = openGate({ running: RUNNING, waiting: WAITING });
  // Apart, so that guesses cannot push out the passwords in use. The values are the times until which an entry holds.
  const right = new LRUCache<string, number>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });
  const wrong = new LRUCache<string, number>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });
  const underway = new Map<string, Promise<boolean>>();

  async function check(name: string, password: string, hash: string): Promise<boolean> {
    try {
      const matches = await gate(() => verifyPassword(password, hash));
      (matches ? right : wrong).set(name, clock.now() + REMEMBER_MS);
      return matches;
    } finally {
      underway.delete(name);
    }
  }

  return {
    hash: (password) => gate(() => hashPassword(password, cost)),
    verify(username, password, stored) {
      const hash = stored ?? nobody;
      const name = createHmac('sha256', secret)
        .update(JSON.stringify([username, password, hash]))
        .digest('base64');
      const now = clock.now();
      if ((right.get(name) ?? 0) > now) return true;
      if ((wrong.get(name) ?? 0) > now) return false;
      const other = underway.get(name);
      if (other !== undefined) return other;
      const checking = check(name, password, hash);
      underway.set(name, checking);
      return checking;
    },
  };
}

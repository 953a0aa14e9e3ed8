import { LRUCache } from 'lru-cache';
import { fail } from '../errors/registry-error.ts';
import type { RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import type { Accounts } from './accounts.ts';
import type { Attempts } from './attempts.ts';
import { parseAuthorization } from './authorization.ts';
import { looksSigned, type SignedTokens, signedTokenHash } from './jwt.ts';
import type { PasswordChecks } from './password-checks.ts';
import { type Caller, callerOf, type DeclaredScopes, type Identify, isTokenValid } from './principal.ts';
import type { UserRecord } from './records.ts';
import { digestToken, sameHash, type TokenDigest } from './token.ts';

/** A caller as it was at one commit sequence. */
interface KnownCaller {
  readonly caller: Caller;
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What checking a password takes. */
export interface PasswordParts {
  readonly accounts: Accounts;
  readonly checks: PasswordChecks;
  readonly attempts: Attempts;
}

export interface IdentifyOptions extends PasswordParts {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly declared: DeclaredScopes;
  /** Null: this registry signs none, and none is taken. */
  readonly signed: SignedTokens | null;
}

const REMEMBERED = 10_000;

/**
 * Makes the function that requests run. Records are read on every request, or known to be unchanged because the store's sequence is:
 * a revoked token, a disabled user, other scopes and a changed password count at once, on every process.
 */
export function openIdentify(options: IdentifyOptions): Identify {
  const { store, accounts, clock, declared, signed } = options;
  /** By the hash of the token, so that no secret is kept. */
  const known = new LRUCache<string, KnownCaller>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  function byToken(text: string, owner: string | null): MaybePromise<Caller> {
    const opaque = digestToken(text);
    if (opaque === null && (signed === null || !looksSigned(text))) fail('INVALID_CREDENTIALS');
    const hash = opaque?.hash ?? signedTokenHash(text);
    // The sequence is taken before the records: what is written in between makes the entry too old, never too new.
    return whenReady(store.sequence(), (sequence) => {
      const entry = known.get(hash);
      if (entry?.sequence === sequence && clock.now() < entry.expiresAt) return owned(entry.caller, owner);
      return whenReady(opaque ?? signed?.verify(text) ?? fail('INVALID_CREDENTIALS'), (digest) =>
        whenReady(readToken(digest), (fresh) => {
          known.set(hash, { ...fresh, sequence });
          return owned(fresh.caller, owner);
        }),
      );
    });
  }

  function readToken({ id, hash }: TokenDigest): MaybePromise<Omit<KnownCaller, 'sequence'>> {
    return whenReady(accounts.token(id), (token) => {
      if (token === null || !sameHash(token.hash, hash)) fail('INVALID_CREDENTIALS');
      return whenReady(accounts.user(token.user), (user) => {
        if (user === null || !isTokenValid(token, user, clock.now())) fail('INVALID_CREDENTIALS');
        const expiresAt = token.expiresAt === null ? Infinity : Date.parse(token.expiresAt);
        return { caller: callerOf(user, token, declared), expiresAt };
      });
    });
  }

  return (authorization, address = null) => {
    const header = authorization[0];
    if (header === undefined) return null;
    if (authorization.length > 1) fail('BAD_REQUEST', 'The request has more than one Authorization header');
    const credentials = parseAuthorization(header);
    if (credentials.kind === 'token') return byToken(credentials.token, credentials.owner);
    const { username, password } = credentials;
    return whenReady(byPassword(options, username, password, address), (user) => callerOf(user, null, declared));
  };
}

/**
 * The user with this name and password, both normalised. Whatever is wrong (no such user, no password, a wrong one, disabled), the
 * error is INVALID_CREDENTIALS and takes the same time. Fails with RATE_LIMITED too, for all of them alike.
 */
export function byPassword(
  { accounts, checks, attempts }: PasswordParts,
  username: string,
  password: string,
  address: string | null,
): MaybePromise<UserRecord> {
  attempts.admit(username, address);
  return whenReady(accounts.user(username), (user) =>
    whenReady(checks.verify(username, password, user?.passwordHash ?? null), (matches) => {
      if (!matches || user === null || user.disabled)
        return attempts.failed(username, address).then(() => fail('INVALID_CREDENTIALS'));
      attempts.succeeded(username, address);
      return user;
    }),
  );
}

function owned(caller: Caller, owner: string | null): Caller {
  return owner === null || owner === caller.principal.sub ? caller : fail('INVALID_CREDENTIALS');
}

import { LRUCache } from 'lru-cache';
import { fail } from '../errors/registry-error.ts';
import type { RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import type { Accounts } from './accounts.ts';
import { parseAuthorization } from './authorization.ts';
import type { PasswordChecks } from './password-checks.ts';
import { type Authenticate, isTokenValid, type Principal, principalOf } from './principal.ts';
import type { UserRecord } from './records.ts';
import { digestToken, sameHash } from './token.ts';

/** A principal as it was at one commit sequence. */
interface KnownPrincipal {
  readonly principal: Principal;
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface AuthenticateOptions {
  readonly store: RecordStore;
  readonly accounts: Accounts;
  readonly checks: PasswordChecks;
  readonly clock: Clock;
  readonly scopes: readonly string[];
}

const REMEMBERED = 10_000;

/**
 * Makes the function that requests run. Records are read on every request, or known to be unchanged because the store's sequence is:
 * a revoked token, a disabled user and a changed password end at once, on every process.
 */
export function openAuthenticate(options: AuthenticateOptions): Authenticate {
  const { store, accounts, checks, clock, scopes } = options;
  /** By the hash of the token, so that no secret is kept. */
  const known = new LRUCache<string, KnownPrincipal>({ max: REMEMBERED });

  function byToken(text: string, owner: string | null): MaybePromise<Principal> {
    const digest = digestToken(text) ?? fail('INVALID_CREDENTIALS');
    // The sequence is taken before the records: what is written in between makes the entry too old, never too new.
    return whenReady(store.sequence(), (sequence) => {
      const entry = known.get(digest.hash);
      if (entry?.sequence === sequence && clock.now() < entry.expiresAt) return owned(entry.principal, owner);
      return whenReady(readToken(digest.id, digest.hash), (fresh) => {
        known.set(digest.hash, { ...fresh, sequence });
        return owned(fresh.principal, owner);
      });
    });
  }

  function readToken(id: string, hash: string): MaybePromise<Omit<KnownPrincipal, 'sequence'>> {
    return whenReady(accounts.token(id), (token) => {
      if (token === null || !sameHash(token.hash, hash)) fail('INVALID_CREDENTIALS');
      return whenReady(accounts.user(token.user), (user) => {
        if (user === null || !isTokenValid(token, user, clock.now())) fail('INVALID_CREDENTIALS');
        const expiresAt = token.expiresAt === null ? Infinity : Date.parse(token.expiresAt);
        return { principal: principalOf(user, token, scopes), expiresAt };
      });
    });
  }

  return (authorization) => {
    const header = authorization[0];
    if (header === undefined) return null;
    if (authorization.length > 1) fail('BAD_REQUEST', 'The request has more than one Authorization header');
    const credentials = parseAuthorization(header);
    if (credentials.kind === 'token') return byToken(credentials.token, credentials.owner);
    const { username, password } = credentials;
    return whenReady(byPassword({ accounts, checks }, username, password), (user) => principalOf(user, null, scopes));
  };
}

/**
 * The user with this name and password, both normalised. Whatever is wrong (no such user, no password, a wrong one, disabled), the
 * error is INVALID_CREDENTIALS and takes the same time. Fails with RATE_LIMITED too.
 */
export function byPassword(
  { accounts, checks }: { readonly accounts: Accounts; readonly checks: PasswordChecks },
  username: string,
  password: string,
): MaybePromise<UserRecord> {
  return whenReady(accounts.user(username), (user) =>
    whenReady(checks.verify(username, password, user?.passwordHash ?? null), (matches) =>
      matches && user !== null && !user.disabled ? user : fail('INVALID_CREDENTIALS'),
    ),
  );
}

function owned(principal: Principal, owner: string | null): Principal {
  return owner === null || owner === principal.sub ? principal : fail('INVALID_CREDENTIALS');
}

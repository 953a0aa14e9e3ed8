import type { MaybePromise } from '../shared/maybe-promise.ts';
import { ALL_SCOPES, scopesOf, type TokenRecord, type UserRecord } from './records.ts';

/** Who makes a request, as pipelines see it. Frozen: it is shared between requests. */
export interface Principal {
  /** The user name. */
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly org: string | null;
}

/** Who makes a request, and how that is known. Frozen and shared as well. */
export interface Caller {
  readonly principal: Principal;
  readonly user: UserRecord;
  /** Null: came with the password. */
  readonly token: TokenRecord | null;
  /** Whether this caller may do everything: users, tokens of others, what the engine shows to administrators. */
  readonly admin: boolean;
}

/**
 * Tells who makes a request from its Authorization header values and the client's address, by which failed passwords are counted
 * (null: not known). Null is anonymous. Throws, or rejects where the store or a password check takes time, with
 * INVALID_CREDENTIALS, BAD_REQUEST (several headers) or RATE_LIMITED.
 */
export type Authenticate = (
  authorization: readonly string[],
  address?: string | null,
) => MaybePromise<Principal | null>;

/** The same, for who needs more than the principal. */
export type Identify = (authorization: readonly string[], address?: string | null) => MaybePromise<Caller | null>;

/** What a registry declares of scopes. */
export interface DeclaredScopes {
  /** All of them. */
  readonly scopes: readonly string[];
  /** Those whose actions are `*`. */
  readonly adminScopes: readonly string[];
}

/** By principal. What says the same of somebody, but is another object, is nobody. */
const CALLERS = new WeakMap<object, Caller>();

/** The caller that `callerOf` made this principal of; null for anything else, as a client can send it. */
export function callerBehind(principal: unknown): Caller | null {
  return typeof principal === 'object' && principal !== null ? (CALLERS.get(principal) ?? null) : null;
}

/** A user, with the token it came with or (null) a password. What the user lacks, no token grants. */
export function callerOf(user: UserRecord, token: TokenRecord | null, declared: DeclaredScopes): Caller {
  const held = scopesOf(user, declared.scopes);
  const narrowed = token?.scopes ?? null;
  const scopes = Object.freeze(narrowed === null ? [...held] : held.filter((scope) => narrowed.includes(scope)));
  const principal = Object.freeze({
    sub: user.username,
    scopes,
    roles: Object.freeze([...user.roles]),
    org: user.org,
  });
  // Who has all scopes is an administrator even of a registry that declares none.
  const admin =
    (narrowed === null && user.scopes.includes(ALL_SCOPES)) ||
    declared.adminScopes.some((scope) => scopes.includes(scope));
  const caller = Object.freeze({ principal, user, token, admin });
  CALLERS.set(principal, caller);
  return caller;
}

/**
 * A user as whom somebody acts who was let in by other means (a trial, a request made on the command line): with those scopes and no
 * others, as if it came with a token that has them.
 */
export function standInFor(user: UserRecord, scopes: readonly string[], declared: DeclaredScopes): Caller {
  const whole = callerOf(user, null, declared);
  if (whole.principal.scopes.every((scope) => scopes.includes(scope))) return whole;
  const { username, createdAt } = user;
  const token = { id: '', hash: '', user: username, name: '', scopes, createdAt };
  return callerOf(user, { ...token, generation: null, expiresAt: null, revokedAt: null }, declared);
}

/** Whether a token counts at this moment (milliseconds since the epoch), its user being as given. */
export function isTokenValid(token: TokenRecord, user: UserRecord, now: number): boolean {
  return (
    token.revokedAt === null &&
    (token.expiresAt === null || now < Date.parse(token.expiresAt)) &&
    !user.disabled &&
    token.user === user.username &&
    (token.generation === null || token.generation === user.generation)
  );
}

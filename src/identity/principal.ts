import type { MaybePromise } from '../shared/maybe-promise.ts';
import { scopesOf, type TokenRecord, type UserRecord } from './records.ts';

/** Who makes a request, as pipelines see it. Frozen: it is shared between requests. */
export interface Principal {
  /** The user name. */
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly org: string | null;
}

/**
 * Tells who makes a request from its Authorization header values. Null is anonymous. Throws, or rejects where the store or a password
 * check takes time, with INVALID_CREDENTIALS, BAD_REQUEST (several headers) or RATE_LIMITED.
 */
export type Authenticate = (authorization: readonly string[]) => MaybePromise<Principal | null>;

/** The principal of a user, with the token it came with or (null) a password. What the user lacks, no token grants. */
export function principalOf(user: UserRecord, token: TokenRecord | null, declared: readonly string[]): Principal {
  const held = scopesOf(user, declared);
  const narrowed = token?.scopes ?? null;
  return Object.freeze({
    sub: user.username,
    scopes: Object.freeze(narrowed === null ? [...held] : held.filter((scope) => narrowed.includes(scope))),
    roles: Object.freeze([...user.roles]),
    org: user.org,
  });
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

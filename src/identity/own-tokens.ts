import { fail, RegistryError } from '../errors/registry-error.ts';
import type { Clock } from '../shared/clock.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Accounts } from './accounts.ts';
import { ownToken } from './delegation.ts';
import { looksSigned, type SignedTokens } from './jwt.ts';
import { type Caller, callerBehind, type DeclaredScopes, type Principal, standInFor } from './principal.ts';
import type { UserRecord } from './records.ts';
import { digestToken, isTokenId, sameHash, type TokenDigest } from './token.ts';
import { type IssuedToken, type NewToken, type openTokens, type TokenView, viewOfToken } from './tokens.ts';

/** What somebody does about tokens in the own name. */
export interface OwnTokens {
  /** The caller behind a principal; where it was let in by other means, the user of that name with its scopes. Fails with NOT_FOUND. */
  callerOf(principal: Principal): MaybePromise<Caller>;
  /**
   * A token for who asks, in the bounds of `ownToken`. With `session` it also ends when the password changes, a null expiry is that of a
   * login, and only who came with the password gets one. Fails with VALUE_INVALID or FORBIDDEN.
   */
  issueToken(caller: Caller, wanted: WantedToken): Promise<IssuedToken>;
  /** The token with this text or this id; null when there is none, or none any more. */
  findToken(textOrId: string): Promise<TokenView | null>;
}

export type WantedToken = Omit<NewToken, 'user'> & { readonly session: boolean };

/** Of what a login gives. */
const LOGIN = Object.freeze({ name: 'login', scopes: null, expiresAt: null });

export function openOwnTokens(options: {
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly declared: DeclaredScopes;
  readonly tokens: Pick<ReturnType<typeof openTokens>, 'checked' | 'issue'>;
  /** Null: sessions are opaque tokens. */
  readonly signed: SignedTokens | null;
  readonly sessionMs: number;
}): OwnTokens & {
  /** The session of a user as checked: a password changed meanwhile makes it void. A null expiry is that of a login. */
  openSession(user: UserRecord, wanted?: Omit<NewToken, 'user'>): Promise<IssuedToken>;
} {
  const { accounts, clock, declared, tokens, signed, sessionMs } = options;

  async function openSession(user: UserRecord, wanted: Omit<NewToken, 'user'> = LOGIN): Promise<IssuedToken> {
    const checked = tokens.checked(user, wanted);
    const until = checked.expiresAt === null ? clock.now() + sessionMs : Date.parse(checked.expiresAt);
    // Whole seconds, because a signed token knows no others.
    const ends = Math.floor(until / 1000) * 1000;
    const session = { ...checked, expiresAt: new Date(ends).toISOString(), generation: user.generation };
    return tokens.issue(user, session, await signed?.mint(user.username, ends));
  }

  async function digestOf(text: string): Promise<TokenDigest | null> {
    const opaque = digestToken(text);
    if (opaque !== null || signed === null || !looksSigned(text)) return opaque;
    return signed.verify(text).catch(nullForInvalid);
  }

  return {
    openSession,
    async callerOf(principal) {
      const known = callerBehind(principal);
      if (known !== null) return known;
      const user = (await accounts.user(principal.sub)) ?? fail('NOT_FOUND', 'There is no such user');
      return standInFor(user, principal.scopes, declared);
    },
    async issueToken(caller, { session, ...wanted }) {
      const own = ownToken(caller, wanted);
      if (session) {
        if (caller.token !== null) fail('FORBIDDEN', 'Only who gives a password begins a session');
        return openSession(caller.user, own);
      }
      return tokens.issue(caller.user, { ...tokens.checked(caller.user, own), generation: null });
    },
    async findToken(text) {
      if (isTokenId(text)) {
        const token = await accounts.token(text);
        return token && viewOfToken(token);
      }
      const digest = await digestOf(text);
      const token = digest === null ? null : await accounts.token(digest.id);
      return digest !== null && token !== null && sameHash(token.hash, digest.hash) ? viewOfToken(token) : null;
    },
  };
}

function nullForInvalid(error: unknown): null {
  if (error instanceof RegistryError && error.code === 'INVALID_CREDENTIALS') return null;
  throw error;
}

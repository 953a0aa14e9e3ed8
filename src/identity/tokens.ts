import { fail } from '../errors/registry-error.ts';
import type { Clock } from '../shared/clock.ts';
import type { Accounts } from './accounts.ts';
import { ALL_SCOPES, scopesOf, type TokenRecord, type UserRecord } from './records.ts';
import { futureTime, knownScopes, label, normalizeUsername } from './rules.ts';
import { generateToken, isTokenId, type TokenDigest } from './token.ts';

/** Making, listing and revoking API tokens. */
export interface Tokens {
  /**
   * A new token; it is shown this once. Fails with NOT_FOUND (user) or VALUE_INVALID (name, a scope that the user does not have, an
   * expiry that is not to come).
   */
  createToken(
    token: NewToken,
  ): Promise<{ readonly id: string; readonly token: string; readonly expiresAt: string | null }>;
  /** Returns whether there was such a token, valid until now. */
  revokeToken(id: string): Promise<boolean>;
  /** Null when there is none, or none any more. */
  getToken(id: string): Promise<TokenView | null>;
  /** A user's tokens, sessions among them, oldest first: those that have not expired, and for thirty days those revoked. */
  listTokens(username: string): Promise<readonly TokenView[]>;
}

export interface NewToken {
  readonly user: string;
  /** For people. */
  readonly name: string;
  /** Null, or `*` among them: all that the user has. */
  readonly scopes: readonly string[] | null;
  /** ISO 8601; null never expires. */
  readonly expiresAt: string | null;
}

/** A token as shown to others: nothing it could be used or guessed from. */
export type TokenView = Omit<TokenRecord, 'hash' | 'generation'> & {
  /** Made by `login`. */ readonly session: boolean;
};

type Issue = Pick<TokenRecord, 'name' | 'scopes' | 'expiresAt' | 'generation'>;
/** A token and what is stored of it. */
type Minted = TokenDigest & { readonly token: string };

export function openTokens(options: {
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly scopes: readonly string[];
}): Tokens & {
  /** Stores a token for a user that was read before: a new opaque one unless another is given. */
  issue(user: UserRecord, issue: Issue, minted?: Minted): Promise<{ readonly id: string; readonly token: string }>;
} {
  const { accounts, clock } = options;
  const now = () => new Date(clock.now()).toISOString();

  async function issue(user: UserRecord, issued: Issue, minted: Minted = generateToken()) {
    const { name, scopes, expiresAt, generation } = issued;
    const { id, hash, token } = minted;
    const record = {
      id,
      hash,
      user: user.username,
      name,
      scopes,
      generation,
      createdAt: now(),
      expiresAt,
      revokedAt: null,
    };
    // 128 bits agree with those of another token only where the random source is broken.
    if (!(await accounts.addToken(record))) fail('INTERNAL', 'A new token has the id of another');
    return { id, token };
  }

  return {
    issue,
    async createToken({ user: username, name, scopes, expiresAt }) {
      const userName = normalizeUsername(username);
      const user =
        (userName === null ? null : await accounts.user(userName)) ?? fail('NOT_FOUND', 'There is no such user');
      const granted =
        scopes === null || scopes.includes(ALL_SCOPES) ? null : knownScopes(scopes, scopesOf(user, options.scopes));
      const ends = expiresAt === null ? null : futureTime(expiresAt, clock.now());
      const issued = await issue(user, { name: label(name), scopes: granted, expiresAt: ends, generation: null });
      return { ...issued, expiresAt: ends };
    },
    async revokeToken(id) {
      if (!isTokenId(id)) return false;
      let revoked = false;
      await accounts.changeToken(id, (token) => {
        revoked = token.revokedAt === null;
        return revoked ? { ...token, revokedAt: now() } : token;
      });
      return revoked;
    },
    async getToken(id) {
      const token = isTokenId(id) ? await accounts.token(id) : null;
      return token && viewOfToken(token);
    },
    async listTokens(username) {
      const name = normalizeUsername(username);
      const tokens = name === null ? [] : await accounts.tokensOf(name);
      return tokens.map(viewOfToken);
    },
  };
}

/** Shows a token to others. */
export function viewOfToken({ hash: _hash, generation, ...shown }: TokenRecord): TokenView {
  return { ...shown, session: generation !== null };
}

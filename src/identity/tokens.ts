import { fail } from '../errors/registry-error.ts';
import type { Clock } from '../shared/clock.ts';
import { normalizeUsername } from '../shared/username.ts';
import type { Accounts, TokenPosition } from './accounts.ts';
import { isTokenValid } from './principal.ts';
import { ALL_SCOPES, scopesOf, type TokenRecord, type UserRecord } from './records.ts';
import { futureTime, knownScopes, label } from './rules.ts';
import { generateToken, isTokenId, type TokenDigest } from './token.ts';

/** Making, listing and revoking API tokens. */
export interface Tokens {
  /**
   * A new token; it is shown this once. Fails with NOT_FOUND (user) or VALUE_INVALID (name, a scope that the user does not have, an
   * expiry that is not to come).
   */
  createToken(token: NewToken): Promise<IssuedToken>;
  /** Returns whether there was such a token, valid until now. */
  revokeToken(id: string): Promise<boolean>;
  /** Null when there is none, or none any more. */
  getToken(id: string): Promise<TokenView | null>;
  /** A user's tokens, sessions among them, oldest first: those that have not expired, and for thirty days those revoked. */
  listTokens(username: string): Promise<readonly TokenView[]>;
  /** Of a user's tokens those that are valid now, oldest first, after the one given; `next` is null at the end. */
  listValidTokens(
    username: string,
    after: TokenPosition | null,
    limit: number,
  ): Promise<{ readonly tokens: readonly TokenView[]; readonly next: TokenPosition | null }>;
}

/** A token just made: its text is shown this once. */
export type IssuedToken = TokenView & { readonly token: string };

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
/** How many are read at once. */
const PAGE_SIZE = 200;

/** A token and what is stored of it. */
type Minted = TokenDigest & { readonly token: string };

export function openTokens(options: {
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly scopes: readonly string[];
}): Tokens & {
  /** Stores a token for a user that was read before: a new opaque one unless another is given. */
  issue(user: UserRecord, issue: Issue, minted?: Minted): Promise<IssuedToken>;
  /** What a user's token is to be, as it is stored. Fails with VALUE_INVALID. */
  checked(user: UserRecord, wanted: Omit<NewToken, 'user'>): Omit<Issue, 'generation'>;
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
    return { ...viewOfToken(record), token };
  }

  /** Pages until `limit` tokens have been found that fit, or there are no more. */
  async function find(
    username: string,
    after: TokenPosition | null,
    limit: number,
    fits: (token: TokenRecord) => boolean,
  ): Promise<{ readonly tokens: readonly TokenView[]; readonly next: TokenPosition | null }> {
    const tokens: TokenView[] = [];
    let last = after;
    for (;;) {
      const page = await accounts.tokensOf(username, last, PAGE_SIZE);
      for (const token of page.tokens) {
        if (fits(token)) {
          // One more than asked for is there: only then is there something to go on with.
          if (tokens.length === limit) return { tokens, next: last };
          tokens.push(viewOfToken(token));
        }
        last = { id: token.id, createdAt: token.createdAt };
      }
      if (!page.more) return { tokens, next: null };
    }
  }

  function checked(user: UserRecord, { name, scopes, expiresAt }: Omit<NewToken, 'user'>): Omit<Issue, 'generation'> {
    return {
      name: label(name),
      scopes:
        scopes === null || scopes.includes(ALL_SCOPES) ? null : knownScopes(scopes, scopesOf(user, options.scopes)),
      expiresAt: expiresAt === null ? null : futureTime(expiresAt, clock.now()),
    };
  }

  return {
    issue,
    checked,
    async createToken({ user: username, ...wanted }) {
      const userName = normalizeUsername(username);
      const user =
        (userName === null ? null : await accounts.user(userName)) ?? fail('NOT_FOUND', 'There is no such user');
      return issue(user, { ...checked(user, wanted), generation: null });
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
      return name === null ? [] : (await find(name, null, Infinity, () => true)).tokens;
    },
    async listValidTokens(username, after, limit) {
      const name = normalizeUsername(username);
      const user = name === null ? null : await accounts.user(name);
      if (user === null) return { tokens: [], next: null };
      return find(user.username, after, limit, (token) => isTokenValid(token, user, clock.now()));
    },
  };
}

/** Shows a token to others. */
export function viewOfToken({ hash: _hash, generation, ...shown }: TokenRecord): TokenView {
  return { ...shown, session: generation !== null };
}

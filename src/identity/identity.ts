import { randomBytes } from 'node:crypto';
import { fail } from '../errors/registry-error.ts';
import type { RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { type Accounts, openAccounts } from './accounts.ts';
import { byPassword, openAuthenticate } from './authenticate.ts';
import { passwordCredentials } from './authorization.ts';
import { encodeBytes } from './base62.ts';
import { openPasswordChecks, type PasswordChecks } from './password-checks.ts';
import { DEFAULT_COST, type HashCost, isOutdated } from './password-hash.ts';
import type { Authenticate } from './principal.ts';
import { ALL_SCOPES, type UserRecord } from './records.ts';
import { knownScopes, newPassword, newUsername, normalizeUsername } from './rules.ts';
import { openTokens, type Tokens } from './tokens.ts';
import { type UserView, viewOf } from './user-view.ts';

/** Users, tokens and who a request comes from. Names are normalised (NFKC, lower case) wherever they are given. */
export interface Identity extends Tokens {
  readonly authenticate: Authenticate;
  /**
   * A session: a token with all that the user may do, valid for twelve hours or until the password changes.
   * Fails with INVALID_CREDENTIALS, whatever was wrong and in the same time, and with RATE_LIMITED.
   */
  login(username: string, password: string): Promise<Session>;
  /** Fails with VALUE_INVALID (name, password, scopes) or ALREADY_EXISTS. */
  createUser(user: NewUser): Promise<UserView>;
  getUser(username: string): Promise<UserView | null>;
  /** In byte order of the names, after the one given; `next` is null at the end. */
  listUsers(
    after: string | null,
    limit: number,
  ): Promise<{ readonly users: readonly UserView[]; readonly next: string | null }>;
  /** Ends the user's sessions; tokens of `createToken` stay. Fails with NOT_FOUND or VALUE_INVALID. */
  setPassword(username: string, password: string): Promise<UserView>;
  /** `*` gives all scopes that are declared, now and later. Fails with NOT_FOUND or VALUE_INVALID. */
  setUserScopes(username: string, scopes: readonly string[]): Promise<UserView>;
  /** A disabled user is nobody: neither password nor token is taken. Fails with NOT_FOUND. */
  disableUser(username: string): Promise<UserView>;
  enableUser(username: string): Promise<UserView>;
  /**
   * Makes the user `admin` with all scopes where there is none, with this password or a random one, which is given back once and
   * is stored nowhere. Of several processes that start at once, one makes it. Fails with VALUE_INVALID on a weak password.
   */
  ensureAdmin(options: {
    readonly password: string | null;
  }): Promise<{ readonly created: boolean; readonly generatedPassword: string | null }>;
}

export interface Session {
  readonly token: string;
  readonly user: UserView;
  /** ISO 8601. */
  readonly expiresAt: string | null;
}

export interface NewUser {
  readonly username: string;
  /** Null: comes with tokens only. */
  readonly password: string | null;
  /** Of those declared, or `*`. */
  readonly scopes: readonly string[];
  readonly roles?: readonly string[];
  readonly org?: string | null;
}

export interface IdentityOptions {
  /** Migrated with `IDENTITY_COLLECTIONS`. */
  readonly store: RecordStore;
  readonly clock: Clock;
  /** Declared by the registry. */
  readonly scopes: readonly string[];
  readonly minPasswordLength?: number;
  readonly sessionMs?: number;
  readonly hashCost?: HashCost;
}

const ADMIN = 'admin';
const MIN_PASSWORD_LENGTH = 8;
const SESSION_MS = 12 * 3_600_000;

/** Opens identity over a record store. It holds nothing that must be closed. */
export function openIdentity(options: IdentityOptions): Identity {
  const { store, clock } = options;
  const scopes = Object.freeze([...options.scopes]);
  const minLength = options.minPasswordLength ?? MIN_PASSWORD_LENGTH;
  const cost = options.hashCost ?? DEFAULT_COST;
  const accounts = openAccounts(store);
  const checks = openPasswordChecks({ clock, cost });
  const { issue, ...tokens } = openTokens({ accounts, clock, scopes });

  async function newUser(user: NewUser): Promise<UserRecord> {
    const username = newUsername(user.username);
    const granted = knownScopes(user.scopes, scopes);
    const password = user.password === null ? null : newPassword(user.password, username, minLength);
    return {
      username,
      passwordHash: password === null ? null : await checks.hash(password),
      scopes: granted,
      roles: user.roles ?? [],
      org: user.org ?? null,
      disabled: false,
      generation: 1,
      createdAt: new Date(clock.now()).toISOString(),
    };
  }

  async function change(username: string, next: (user: UserRecord) => UserRecord): Promise<UserView> {
    const name = normalizeUsername(username);
    const user = name === null ? null : await accounts.changeUser(name, next);
    return viewOf(user ?? fail('NOT_FOUND', 'There is no such user'), scopes);
  }

  return {
    ...tokens,
    authenticate: openAuthenticate({ store, accounts, checks, clock, scopes }),
    async login(username, password) {
      const credentials = passwordCredentials(username, password);
      const user = await byPassword({ accounts, checks }, credentials.username, credentials.password);
      await renewHash(user, credentials.password, { accounts, checks, cost });
      const expiresAt = new Date(clock.now() + (options.sessionMs ?? SESSION_MS)).toISOString();
      // Of the user as checked: a password changed meanwhile makes this session void.
      const { token } = await issue(user, {
        name: 'login',
        scopes: null,
        expiresAt,
        generation: user.generation,
      });
      return { token, user: viewOf(user, scopes), expiresAt };
    },
    async createUser(user) {
      const record = await newUser(user);
      if (!(await accounts.addUser(record))) fail('ALREADY_EXISTS', 'There is a user of this name');
      return viewOf(record, scopes);
    },
    async getUser(username) {
      const name = normalizeUsername(username);
      const user = name === null ? null : await accounts.user(name);
      return user && viewOf(user, scopes);
    },
    async listUsers(after, limit) {
      const page = await accounts.users(after, limit);
      const users = page.users.map((user) => viewOf(user, scopes));
      return { users, next: page.more ? (users.at(-1)?.username ?? null) : null };
    },
    async setPassword(username, password) {
      const name = normalizeUsername(username) ?? fail('NOT_FOUND', 'There is no such user');
      const passwordHash = await checks.hash(newPassword(password, name, minLength));
      return change(name, (user) => ({ ...user, passwordHash, generation: user.generation + 1 }));
    },
    setUserScopes: async (username, granted) => {
      const known = knownScopes(granted, scopes);
      return change(username, (user) => ({ ...user, scopes: known }));
    },
    disableUser: (username) => change(username, (user) => ({ ...user, disabled: true })),
    enableUser: (username) => change(username, (user) => ({ ...user, disabled: false })),
    async ensureAdmin({ password }) {
      if ((await accounts.user(ADMIN)) !== null) return { created: false, generatedPassword: null };
      const generated = password === null ? encodeBytes(randomBytes(18), 25) : null;
      const admin = await newUser({ username: ADMIN, password: password ?? generated, scopes: [ALL_SCOPES] });
      // Where another process was quicker, its password is the one that counts.
      const created = await accounts.addUser(admin);
      return { created, generatedPassword: created ? generated : null };
    },
  };
}

/** Brings a hash of former times to today's cost, now that its password is at hand. A change made meanwhile is left alone. */
async function renewHash(
  user: UserRecord,
  password: string,
  { accounts, checks, cost }: { readonly accounts: Accounts; readonly checks: PasswordChecks; readonly cost: HashCost },
): Promise<void> {
  if (user.passwordHash === null || !isOutdated(user.passwordHash, cost)) return;
  const passwordHash = await checks.hash(password);
  await accounts.changeUser(user.username, (now) =>
    now.passwordHash === user.passwordHash ? { ...now, passwordHash } : now,
  );
}

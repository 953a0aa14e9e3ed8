import { fail } from '../errors/registry-error.ts';
import type { RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { whenReady } from '../shared/maybe-promise.ts';
import { normalizeUsername } from '../shared/username.ts';
import { type Accounts, openAccounts } from './accounts.ts';
import { type Attempts, DEFAULT_LIMITS, openAttempts } from './attempts.ts';
import { byPassword, openIdentify } from './authenticate.ts';
import { passwordCredentials } from './authorization.ts';
import { generatePassword } from './generate-password.ts';
import { openSignedTokens, type SignedTokenOptions } from './jwt.ts';
import { type OwnTokens, openOwnTokens } from './own-tokens.ts';
import { openPasswordChecks, type PasswordChecks } from './password-checks.ts';
import { DEFAULT_COST, type HashCost, isOutdated } from './password-hash.ts';
import { type Authenticate, type Caller, callerOf, type Identify } from './principal.ts';
import { ALL_SCOPES, type UserRecord } from './records.ts';
import { knownScopes, newPassword, newUsername } from './rules.ts';
import { openTokens, type Tokens } from './tokens.ts';
import { type UserView, viewOf } from './user-view.ts';

/** Users, tokens and who a request comes from. Names are normalised (NFKC, lower case) wherever they are given. */
export interface Identity extends Tokens, OwnTokens {
  readonly authenticate: Authenticate;
  readonly identify: Identify;
  /**
   * A session: a token with all that the user may do, valid for `sessionMs` or until the password changes. Failures are counted
   * by user and by the client's address (null: not known).
   * Fails with INVALID_CREDENTIALS, whatever was wrong and in the same time, and with RATE_LIMITED.
   */
  login(username: string, password: string, address?: string | null): Promise<Session>;
  /** Who has this name and password. Counts failures and fails as `login` does. */
  verifyPassword(username: string, password: string, address?: string | null): Promise<Caller>;
  /**
   * Sets another password for who knows the present one, and gives a new session: all earlier ones end. Fails as `login` does, and
   * with VALUE_INVALID on a new password that is not good enough or not new.
   */
  changePassword(username: string, present: string, next: string, address?: string | null): Promise<Session>;
  /** Fails with VALUE_INVALID (name, password, scopes) or ALREADY_EXISTS. */
  createUser(user: NewUser): Promise<UserView>;
  getUser(username: string): Promise<UserView | null>;
  /** In byte order of the names, after the one given; `next` is null at the end. */
  listUsers(
    after: string | null,
    limit: number,
  ): Promise<{ readonly users: readonly UserView[]; readonly next: string | null }>;
  /** All the changes or none. Fails with NOT_FOUND or VALUE_INVALID. */
  updateUser(username: string, changes: UserChanges): Promise<UserView>;
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

/** What is absent or null stays as it is. */
export interface UserChanges {
  readonly password?: string | null;
  /** Of those declared, or `*`. */
  readonly scopes?: readonly string[] | null;
  readonly roles?: readonly string[] | null;
  readonly org?: string | null;
  readonly disabled?: boolean | null;
}

export interface IdentityOptions {
  /** Migrated with `IDENTITY_COLLECTIONS`. */
  readonly store: RecordStore;
  readonly clock: Clock;
  /** Declared by the registry. */
  readonly scopes: readonly string[];
  /** Of these, the ones that reach every operation. */
  readonly adminScopes?: readonly string[];
  readonly minPasswordLength?: number;
  readonly sessionMs?: number;
  /** Sessions are signed tokens then; null: opaque ones. */
  readonly signing?: SignedTokenOptions | null;
  readonly hashCost?: HashCost;
  /** Where failures are counted; counts of its own by default. */
  readonly attempts?: Attempts;
}

const ADMIN = 'admin';
const MIN_PASSWORD_LENGTH = 8;
/** Opaque sessions; see `auth.principals` for what a definition may say. */
const SESSION_MS = 12 * 3_600_000;

/** Opens identity over a record store. It holds nothing that must be closed. */
export function openIdentity(options: IdentityOptions): Identity {
  const { store, clock } = options;
  const scopes = Object.freeze([...options.scopes]);
  const minLength = options.minPasswordLength ?? MIN_PASSWORD_LENGTH;
  const cost = options.hashCost ?? DEFAULT_COST;
  const accounts = openAccounts(store);
  const checks = openPasswordChecks({ clock, cost });
  const { issue, checked, ...tokens } = openTokens({ accounts, clock, scopes });
  const signed = options.signing ? openSignedTokens(options.signing, clock) : null;
  const attempts = options.attempts ?? openAttempts(DEFAULT_LIMITS);
  const declared = { scopes, adminScopes: options.adminScopes ?? [] };
  const { openSession, ...ownTokens } = openOwnTokens({
    accounts,
    clock,
    declared,
    tokens: { issue, checked },
    signed,
    sessionMs: options.sessionMs ?? SESSION_MS,
  });
  const parts = { accounts, checks, attempts };
  const identify = openIdentify({ ...parts, store, clock, declared, signed });

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

  async function updateUser(username: string, changes: UserChanges): Promise<UserView> {
    const name = normalizeUsername(username) ?? fail('NOT_FOUND', 'There is no such user');
    const granted = changes.scopes ? knownScopes(changes.scopes, scopes) : null;
    const password = typeof changes.password === 'string' ? newPassword(changes.password, name, minLength) : null;
    const passwordHash = password === null ? null : await checks.hash(password);
    const user = await accounts.changeUser(name, (now) => ({
      ...now,
      scopes: granted ?? now.scopes,
      roles: changes.roles ?? now.roles,
      org: changes.org ?? now.org,
      disabled: changes.disabled ?? now.disabled,
      passwordHash: passwordHash ?? now.passwordHash,
      generation: passwordHash === null ? now.generation : now.generation + 1,
    }));
    return viewOf(user ?? fail('NOT_FOUND', 'There is no such user'), scopes);
  }

  async function verifyPassword(
    username: string,
    password: string,
    address: string | null = null,
  ): Promise<UserRecord> {
    const credentials = passwordCredentials(username, password);
    const user = await byPassword(parts, credentials.username, credentials.password, address);
    await renewHash(user, credentials.password, { accounts, checks, cost });
    return user;
  }

  async function beginSession(user: UserRecord): Promise<Session> {
    const { token, expiresAt } = await openSession(user);
    return { token, user: viewOf(user, scopes), expiresAt };
  }

  return {
    ...tokens,
    ...ownTokens,
    identify,
    authenticate: (authorization, address) =>
      whenReady(identify(authorization, address), (caller) => caller?.principal ?? null),
    login: async (username, password, address) => beginSession(await verifyPassword(username, password, address)),
    verifyPassword: async (username, password, address) =>
      callerOf(await verifyPassword(username, password, address), null, declared),
    async changePassword(username, present, next, address = null) {
      const credentials = passwordCredentials(username, present);
      const user = await byPassword(parts, credentials.username, credentials.password, address);
      const password = newPassword(next, user.username, minLength);
      if (password === credentials.password) fail('VALUE_INVALID', 'The new password is the present one');
      const passwordHash = await checks.hash(password);
      const changed = await accounts.changeUser(user.username, (now) =>
        // Of two who change it at once, both knowing the old one, the first one wins.
        now.generation === user.generation ? { ...now, passwordHash, generation: now.generation + 1 } : now,
      );
      if (changed?.passwordHash !== passwordHash) fail('INVALID_CREDENTIALS');
      return beginSession(changed);
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
    updateUser,
    setPassword: (username, password) => updateUser(username, { password }),
    setUserScopes: (username, granted) => updateUser(username, { scopes: granted }),
    disableUser: (username) => updateUser(username, { disabled: true }),
    enableUser: (username) => updateUser(username, { disabled: false }),
    async ensureAdmin({ password }) {
      if ((await accounts.user(ADMIN)) !== null) return { created: false, generatedPassword: null };
      const generated = password === null ? generatePassword() : null;
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

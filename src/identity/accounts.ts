import { randomUUID } from 'node:crypto';
import { RegistryError } from '../errors/registry-error.ts';
import type { RecordPut, RecordStore, StoredRecord } from '../ports/record-store.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { projectIdentity, TOKENS, TOKENS_BY_USER, USERS } from './collections.ts';
import { decodeToken, decodeUser, type TokenRecord, type UserRecord } from './records.ts';

/** Users and tokens in the record store. Reads answer at once where the store does. */
export interface Accounts {
  user(username: string): MaybePromise<UserRecord | null>;
  token(id: string): MaybePromise<TokenRecord | null>;
  /** In byte order of the names, after the one given. */
  users(
    after: string | null,
    limit: number,
  ): Promise<{ readonly users: readonly UserRecord[]; readonly more: boolean }>;
  /** A user's that have not expired, oldest first, after the one given. */
  tokensOf(
    username: string,
    after: TokenPosition | null,
    limit: number,
  ): Promise<{ readonly tokens: readonly TokenRecord[]; readonly more: boolean }>;
  /** Writes a new record; false when there is one already. */
  addUser(user: UserRecord): Promise<boolean>;
  addToken(token: TokenRecord): Promise<boolean>;
  /** Replaces what is stored by what `change` makes of it, which may be called several times; null when there is nothing. Fails with CONFLICT. */
  changeUser(username: string, change: (user: UserRecord) => UserRecord): Promise<UserRecord | null>;
  changeToken(id: string, change: (token: TokenRecord) => TokenRecord): Promise<TokenRecord | null>;
}

/** Where a token stands among those of its user. */
export type TokenPosition = Pick<TokenRecord, 'id' | 'createdAt'>;

const MAX_ATTEMPTS = 20;
/** For so long a revoked token can still be seen in a list. */
const KEEP_REVOKED_MS = 30 * 24 * 3_600_000;

export function openAccounts(store: RecordStore): Accounts {
  /** Writes one record, if it still is at the version it was read at (null: absent); whether it was written. */
  async function write(put: RecordPut, version: number | null): Promise<boolean> {
    const { collection, key } = put;
    const checks = [{ kind: 'record' as const, collection, key, version }];
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const id = randomUUID();
      try {
        return (await store.commit({ id, checks, puts: [put], deletes: [], events: [] })).ok;
      } catch (error) {
        if (!(error instanceof RegistryError) || error.code !== 'COMMIT_UNKNOWN') throw error;
        if ((await store.outcome(id)) !== null) return true;
        // It never will be applied, and it says nothing about the check: ask again.
      }
    }
    throw new RegistryError('COMMIT_UNKNOWN');
  }

  async function change<T>(
    collection: string,
    key: string,
    decode: (stored: StoredRecord) => T,
    next: (value: T) => T,
    encode: (value: T) => RecordPut,
  ): Promise<T | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const stored = await store.get(collection, key);
      if (stored === null) return null;
      const value = next(decode(stored));
      if (await write(encode(value), stored.version)) return value;
    }
    throw new RegistryError('CONFLICT');
  }

  return {
    user: (username) => whenReady(store.get(USERS, username), (stored) => stored && decodeUser(stored)),
    token: (id) => whenReady(store.get(TOKENS, id), (stored) => stored && decodeToken(stored)),
    async users(after, limit) {
      const page = await store.list({ collection: USERS, prefix: '', after, limit });
      return { users: page.records.map(decodeUser), more: page.more };
    },
    async tokensOf(username, after, limit) {
      const page = await store.query({
        collection: TOKENS,
        index: TOKENS_BY_USER,
        where: [{ column: 'user', op: 'eq', value: username }],
        order: [{ column: 'createdAt', descending: false }],
        limit,
        after: after && { values: [after.createdAt], key: after.id },
      });
      return { tokens: page.records.map(decodeToken), more: page.more };
    },
    addUser: (user) => write(userPut(user), null),
    addToken: (token) => write(tokenPut(token), null),
    changeUser: (username, next) => change(USERS, username, decodeUser, next, userPut),
    changeToken: (id, next) => change(TOKENS, id, decodeToken, next, tokenPut),
  };
}

function userPut(user: UserRecord): RecordPut {
  return put(USERS, user.username, user, null);
}

function tokenPut(token: TokenRecord): RecordPut {
  const ends = token.expiresAt === null ? Infinity : Date.parse(token.expiresAt);
  const forgotten = token.revokedAt === null ? Infinity : Date.parse(token.revokedAt) + KEEP_REVOKED_MS;
  const expiresAt = Math.min(ends, forgotten);
  return put(TOKENS, token.id, token, Number.isFinite(expiresAt) ? expiresAt : null);
}

function put(collection: string, key: string, record: object, expiresAt: number | null): RecordPut {
  const value = JSON.stringify(record);
  return { collection, key, value, expiresAt, rows: projectIdentity(collection, key, value) };
}

import type { StoredRecord } from '../ports/record-store.ts';

/** In a user's scopes: every scope that the registry declares, now and later. */
export const ALL_SCOPES = '*';

/** A user as stored in `$users`; its key is the user name. Users are disabled, never deleted: a name is not given twice. */
export interface UserRecord {
  readonly username: string;
  /** As `hashPassword` writes it; null: this user has no password and comes with tokens only. */
  readonly passwordHash: string | null;
  /** Names, or `*` for all that are declared. */
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly org: string | null;
  readonly disabled: boolean;
  /** Grows with every change of the password. Sessions made before the change are void. */
  readonly generation: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A token as stored in `$tokens`; its key is the id. The token itself is not stored anywhere. */
export interface TokenRecord {
  /** First 32 digits of the hash; safe to show. */
  readonly id: string;
  /** SHA-256 of the token, 64 hex digits. */
  readonly hash: string;
  readonly user: string;
  readonly name: string;
  /** Null: all that the user has. What the user lacks when the token is used is not granted. */
  readonly scopes: readonly string[] | null;
  /** The user's generation, for a session that `login` made; null for a token that outlives a change of the password. */
  readonly generation: number | null;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; null never expires. */
  readonly expiresAt: string | null;
  /** ISO 8601; null while it is valid. */
  readonly revokedAt: string | null;
}

/** A record of `$users`, decoded. */
export function decodeUser(stored: StoredRecord): UserRecord {
  const user: UserRecord = JSON.parse(stored.value);
  return user;
}

/** A record of `$tokens`, decoded. */
export function decodeToken(stored: StoredRecord): TokenRecord {
  const token: TokenRecord = JSON.parse(stored.value);
  return token;
}

/** The scopes that a user has: `*` becomes what is declared. */
export function scopesOf(user: UserRecord, declared: readonly string[]): readonly string[] {
  return user.scopes.includes(ALL_SCOPES) ? declared : user.scopes;
}

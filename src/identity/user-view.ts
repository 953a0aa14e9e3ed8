import { scopesOf, type UserRecord } from './records.ts';

/** A user as shown to others: nothing of the password. */
export interface UserView {
  readonly username: string;
  /** Names; `*` has become what the registry declares. */
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly org: string | null;
  readonly disabled: boolean;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Shows a user; `declared` are the registry's scopes. */
export function viewOf(user: UserRecord, declared: readonly string[]): UserView {
  const { username, roles, org, disabled, createdAt } = user;
  return { username, scopes: scopesOf(user, declared), roles, org, disabled, createdAt };
}

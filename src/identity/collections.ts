import type { CollectionSpec, IndexRows } from '../ports/record-store.ts';
import type { TokenRecord } from './records.ts';

/** Names begin with `$`, apart from the documents of a definition. */
export const USERS = '$users';
export const TOKENS = '$tokens';

/** Index of `$tokens`: those of one user, oldest first. */
export const TOKENS_BY_USER = '$tokens.by_user';

/** What identity keeps in the record store; for `RecordStore.migrate`, beside the registry's own collections. */
export const IDENTITY_COLLECTIONS: readonly CollectionSpec[] = Object.freeze([
  { name: USERS, indexes: [] },
  {
    name: TOKENS,
    indexes: [
      {
        name: TOKENS_BY_USER,
        columns: ['user', 'createdAt'],
        arrays: [],
        keys: [
          { name: 'by_user', fields: ['user'], sort: [{ column: 'createdAt', descending: false }], unique: false },
        ],
        revision: '1',
      },
    ],
  },
]);

/** The index rows of a record in one of the collections above; none for any other. */
export function projectIdentity(collection: string, _key: string, value: string): IndexRows {
  if (collection !== TOKENS) return {};
  const token: TokenRecord = JSON.parse(value);
  return { [TOKENS_BY_USER]: { user: token.user, createdAt: token.createdAt } };
}

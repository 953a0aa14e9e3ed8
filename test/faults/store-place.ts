import { type GuardedRecordStore, guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openPostgresRecordStore, type PostgresOptions } from '../../src/adapters/record-store/postgres.ts';
import { openSqliteRecordStore, type SqliteOptions } from '../../src/adapters/record-store/sqlite.ts';

/** Where records are, in words that can be given to another process. */
export type StorePlace =
  | ({ readonly kind: 'sqlite' } & Pick<SqliteOptions, 'file'>)
  | ({ readonly kind: 'postgres' } & Pick<PostgresOptions, 'url' | 'schema'>);

/** Opens a store there, behind its guard, as servers do. */
export function openStoreAt(place: StorePlace): GuardedRecordStore {
  switch (place.kind) {
    case 'sqlite':
      return guardRecordStore(openSqliteRecordStore(place));
    case 'postgres':
      return guardRecordStore(openPostgresRecordStore(place));
  }
}

import Database from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';

/** What a failed statement means. The statement's transaction is rolled back: nothing of it was written. */
export function toStoreError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  const code = sqliteCode(thrown);
  if (code === 'SQLITE_FULL') return new RegistryError('STORE_FULL', { cause: thrown });
  if (code.startsWith('SQLITE_BUSY')) {
    return new RegistryError('STORE_FAILURE', {
      message: 'The store is busy with the writes of other processes',
      cause: thrown,
    });
  }
  return new RegistryError('STORE_FAILURE', { cause: thrown });
}

/** SQLite's extended result code by name, such as `SQLITE_IOERR_FSYNC`; empty for anything else that was thrown. */
export function sqliteCode(thrown: unknown): string {
  return thrown instanceof Database.SqliteError ? thrown.code : '';
}

import type { Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import { sqliteCode, toStoreError } from './sqlite-errors.ts';

/** What a transaction's work gives back, and whether its writes are kept. */
export interface Work<T> {
  readonly keep: boolean;
  readonly result: T;
}

/** Transactions on one connection. Work is synchronous; when it throws, nothing is kept. */
export interface Transactor {
  /**
   * Takes the write lock first, so that nothing read inside can change before the end. Fails with STORE_FAILURE when the lock is
   * not to be had in time, STORE_FULL, or COMMIT_UNKNOWN when the file system failed at the end; nothing more is written then.
   */
  write<T>(work: () => Work<T>): T;
  /** Several reads at one moment; inside another transaction, at that one's. */
  read<T>(work: () => T): T;
  /** Why no more is written here: the file system failed during a commit. */
  readonly broken: RegistryError | null;
}

export function createTransactor(database: Database): Transactor {
  const beginWrite = database.prepare('BEGIN IMMEDIATE');
  const beginRead = database.prepare('BEGIN');
  const end = database.prepare('COMMIT');
  const undo = database.prepare('ROLLBACK');
  let broken: RegistryError | null = null;

  // After some errors SQLite has rolled back by itself.
  function rollBack(): void {
    if (database.inTransaction) undo.run();
  }

  function finish(): void {
    try {
      end.run();
    } catch (thrown) {
      rollBack();
      if (!sqliteCode(thrown).startsWith('SQLITE_IOERR')) throw toStoreError(thrown);
      // The log may hold the commit or not, and the kernel may have dropped pages that a later fsync calls written.
      broken = new RegistryError('STORE_FAILURE', {
        message: 'The file system failed during a commit: nothing more is written until the store is opened again',
        cause: thrown,
      });
      throw new RegistryError('COMMIT_UNKNOWN', { cause: thrown });
    }
  }

  return {
    write(work) {
      if (broken !== null) throw broken;
      let done: ReturnType<typeof work>;
      try {
        beginWrite.run();
        done = work();
        if (!done.keep) undo.run();
      } catch (thrown) {
        rollBack();
        throw toStoreError(thrown);
      }
      if (done.keep) finish();
      return done.result;
    },
    read(work) {
      if (database.inTransaction) return work();
      beginRead.run();
      try {
        return work();
      } finally {
        rollBack();
      }
    },
    get broken() {
      return broken;
    },
  };
}

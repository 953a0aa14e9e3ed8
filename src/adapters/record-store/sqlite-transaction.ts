import type { Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import { sqliteCode, toStoreError } from './sqlite-errors.ts';

/** What a transaction's work gives back, and whether its writes are kept. */
export interface Work<T> {
  readonly keep: boolean;
  readonly result: T;
}

/** What became of one member of a transaction that several share. */
export type MemberOutcome<T> = { readonly value: T } | { readonly error: RegistryError };

/** Transactions on one connection. Work is synchronous; when it throws, nothing is kept. */
export interface Transactor {
  /**
   * Takes the write lock first, so that nothing read inside can change before the end. Fails with STORE_FAILURE when the lock is
   * not to be had in time, STORE_FULL, or COMMIT_UNKNOWN when the file system failed at the end; nothing more is written then.
   */
  write<T>(work: () => Work<T>): T;
  /**
   * Several works in one transaction, one after the other, each undone alone where it throws or is not to be kept. Null: the
   * transaction was lost as a whole, and nothing of it is written. When its end is unknown, those that were to be kept get
   * COMMIT_UNKNOWN, and the others, who may have seen what is not so, STORE_FAILURE.
   */
  writeAll<T>(works: readonly (() => Work<T>)[]): readonly MemberOutcome<T>[] | null;
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
  const mark = database.prepare('SAVEPOINT member');
  const undoMember = database.prepare('ROLLBACK TO member');
  const release = database.prepare('RELEASE member');
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

  /** Runs a work in the open transaction so that it alone can be undone; null when the transaction is gone. */
  function member<T>(work: () => Work<T>): { readonly keep: boolean; readonly outcome: MemberOutcome<T> } | null {
    mark.run();
    try {
      const { keep, result } = work();
      if (!keep) undoMember.run();
      release.run();
      return { keep, outcome: { value: result } };
    } catch (thrown) {
      if (!database.inTransaction) return null;
      undoMember.run();
      release.run();
      return { keep: false, outcome: { error: toStoreError(thrown) } };
    }
  }

  function refuseWhenBroken(): void {
    if (broken !== null) throw broken;
  }

  return {
    write(work) {
      refuseWhenBroken();
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
    writeAll(works) {
      try {
        refuseWhenBroken();
        beginWrite.run();
      } catch (thrown) {
        const error = toStoreError(thrown);
        return works.map(() => ({ error }));
      }
      const members = [];
      for (const work of works) {
        const done = member(work);
        if (done === null) return null;
        members.push(done);
      }
      if (!members.some(({ keep }) => keep)) {
        undo.run();
        return members.map(({ outcome }) => outcome);
      }
      try {
        finish();
      } catch (thrown) {
        const error = toStoreError(thrown);
        if (error.code !== 'COMMIT_UNKNOWN') return null;
        return members.map(({ keep }) => ({ error: keep ? error : (broken ?? error) }));
      }
      return members.map(({ outcome }) => outcome);
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

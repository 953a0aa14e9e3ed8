import type { Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import { sqliteCode, toStoreError } from './sqlite-errors.ts';

/**
 * What a transaction's work gives back, and whether its writes are kept. `isUntouched`: it has written nothing, so that there is nothing to
 * undo where they are not.
 */
export interface Work<T> {
  readonly keep: boolean;
  readonly isUntouched?: boolean;
  readonly result: T;
}

/** What became of one member of a transaction that several share. */
export type MemberOutcome<T> = { readonly value: T } | { readonly error: RegistryError };

interface Member<T> {
  readonly keep: boolean;
  readonly outcome: MemberOutcome<T>;
}

/** Transactions on one connection. Work is synchronous; when it throws, nothing is kept. */
export interface Transactor {
  /**
   * Takes the write lock first, so that nothing read inside can change before the end. Fails with STORE_FAILURE when the lock is
   * not to be had in time, STORE_FULL, or COMMIT_UNKNOWN when the file system failed at the end; nothing more is written then.
   */
  write<T>(work: () => Work<T>): T;
  /**
   * Several works in one transaction, one after the other, each undone alone where it throws or is not to be kept. They are run again when
   * one of them has to be undone after it wrote. Null: the transaction of several was lost as a whole, and nothing of it is written. When its end is
   * unknown, those that were to be kept get COMMIT_UNKNOWN, and the others, who may have seen what is not so, STORE_FAILURE.
   *
   * When all are done, `more` is asked for others that are to come along, until it has none. `settle` is called before the end, and writes what works
   * have left to be written together; `more` is asked again then.
   */
  writeAll<T>(
    works: readonly (() => Work<T>)[],
    more?: () => readonly (() => Work<T>)[],
    settle?: () => void,
  ): readonly MemberOutcome<T>[] | null;
  /** Several reads at one moment; inside another transaction, at that one's. */
  read<T>(work: () => T): T;
  /** How often something was undone, or may have been: what was remembered of the tables meanwhile may be wrong. */
  readonly undone: number;
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
  let undone = 0;

  // After some errors SQLite has rolled back by itself.
  function rollBack(): void {
    undone++;
    if (database.inTransaction) undo.run();
  }

  function rollBackMember(): void {
    undone++;
    undoMember.run();
    release.run();
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
  function marked<T>(work: () => Work<T>, settle: () => void): Member<T> | null {
    mark.run();
    try {
      const { keep, result } = work();
      if (keep) settle();
      if (keep) release.run();
      else rollBackMember();
      return { keep, outcome: { value: result } };
    } catch (thrown) {
      if (!database.inTransaction) return null;
      rollBackMember();
      return { keep: false, outcome: { error: toStoreError(thrown) } };
    }
  }

  /** Runs a work in the open transaction; null when the transaction has to go with it. */
  function unmarked<T>(work: () => Work<T>): Member<T> | null {
    try {
      const { keep, isUntouched = false, result } = work();
      return keep || isUntouched ? { keep, outcome: { value: result } } : null;
    } catch {
      return null;
    }
  }

  /** Whether what works have left was written; if not, the transaction has to go. */
  function isSettled(settle: () => void): boolean {
    try {
      settle();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether there is a transaction again after one was rolled back: another process may have the lock by now. */
  function begins(): boolean {
    try {
      beginWrite.run();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Runs works in a transaction that is left open; null when there is none any more. A mark for each costs more than all the rest: FTS5 writes
   * what it has gathered whenever one is set. So they are set when it turns out that one of the works has to be undone.
   */
  function runAll<T>(
    first: readonly (() => Work<T>)[],
    more: () => readonly (() => Work<T>)[],
    settle: () => void,
  ): readonly Member<T>[] | null {
    const works = [...first];
    for (const run of [unmarked, marked]) {
      if (!database.inTransaction && !begins()) return null;
      const members: Member<T>[] = [];
      for (let at = 0; at < works.length; at++) {
        const done = run(works[at]!, settle);
        if (done === null) break;
        members.push(done);
        if (at < works.length - 1) continue;
        works.push(...more());
        if (at < works.length - 1) continue;
        if (!isSettled(settle)) {
          members.pop();
          break;
        }
        works.push(...more());
      }
      if (members.length === works.length) return members;
      rollBack();
    }
    return null;
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
        if (!done.keep) rollBack();
      } catch (thrown) {
        rollBack();
        throw toStoreError(thrown);
      }
      if (done.keep) finish();
      return done.result;
    },
    writeAll(works, more = () => [], settle = () => {}) {
      try {
        refuseWhenBroken();
        beginWrite.run();
      } catch (thrown) {
        const error = toStoreError(thrown);
        return works.map(() => ({ error }));
      }
      const members = runAll(works, more, settle);
      if (members === null) return null;
      if (!members.some(({ keep }) => keep)) {
        rollBack();
        return members.map(({ outcome }) => outcome);
      }
      try {
        finish();
      } catch (thrown) {
        const error = toStoreError(thrown);
        if (error.code !== 'COMMIT_UNKNOWN') return members.length === 1 ? [{ error }] : null;
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
        if (database.inTransaction) undo.run();
      }
    },
    get undone() {
      return undone;
    },
    get broken() {
      return broken;
    },
  };
}

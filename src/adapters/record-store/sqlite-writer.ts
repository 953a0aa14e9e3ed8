import type { Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import type { CollectionSpec, Commit, CommitResult, IndexRows } from '../../ports/record-store.ts';
import { createCommitter } from './sqlite-commit.ts';
import { createLayouts } from './sqlite-layouts.ts';
import { createMigration, type WaitingRecord } from './sqlite-migrate.ts';
import { createSqliteReader } from './sqlite-reader.ts';
import { createTransactor } from './sqlite-transaction.ts';

/** A commit and when it was asked for, in milliseconds since the epoch. */
export interface TimedCommit {
  readonly commit: Commit;
  readonly time: number;
}

export type Outcome<T> = { readonly value: T } | { readonly error: RegistryError };

export type Projected = readonly (readonly [WaitingRecord, IndexRows])[];

/** All that writes to a file, on one connection, each call one or more transactions. */
export interface SqliteWriter {
  /**
   * Commits that arrived together share one transaction and one fsync, in their order: each sees those before it. One whose checks fail,
   * or that fails, leaves the others as they are. Nobody is told anything before the end of the transaction. When they are written, and
   * before they are made durable, `more` is asked for those that have arrived meanwhile, until it has none; their outcomes follow.
   */
  commitAll(commits: readonly TimedCommit[], more?: () => readonly TimedCommit[]): readonly Outcome<CommitResult>[];
  sweepExpired(limit: number, time: number): number;
  /** The next records of a collection to project; `done` when its indexes are what the spec says. */
  migrateNext(spec: CollectionSpec, after: string, time: number): readonly WaitingRecord[] | 'done';
  migrateWrite(spec: CollectionSpec, projected: Projected): void;
  /** Learns what these collections look like now; another process that changes them later makes this one refuse to write. */
  reload(specs: readonly CollectionSpec[]): void;
  /** Why no more is written here. */
  readonly broken: RegistryError | null;
}

export function createSqliteWriter(database: Database): SqliteWriter {
  const transactor = createTransactor(database);
  const layouts = createLayouts(database, transactor);
  const reader = createSqliteReader(database, transactor, layouts.collections, () => 0);
  const committer = createCommitter(database, layouts, reader, () => transactor.undone);
  const migrations = createMigration(database);

  function alone(asked: TimedCommit): Outcome<CommitResult> {
    return outcomeOf(() =>
      transactor.write(() => {
        const done = committer.apply(asked.commit, asked.time);
        if (done.keep) committer.settle();
        return done;
      }),
    );
  }

  function workOf({ commit, time }: TimedCommit) {
    return () => committer.apply(commit, time);
  }

  function together(
    first: readonly TimedCommit[],
    more: () => readonly TimedCommit[],
  ): readonly Outcome<CommitResult>[] {
    const commits = [...first];
    const arriving = () => {
      const arrived = more();
      commits.push(...arrived);
      return arrived.map(workOf);
    };
    const outcomes = transactor.writeAll(first.map(workOf), arriving, committer.settle);
    // Trouble that took the whole transaction with it, such as a full disk, is the trouble of one of them: each tries for itself.
    return outcomes ?? commits.map(alone);
  }

  return {
    commitAll: (commits, more = () => []) => together(commits, more),
    sweepExpired: (limit, time) => transactor.write(() => committer.removeExpired(limit, time)),
    migrateNext: (spec, after, time) =>
      transactor.write(() => ({ keep: true, result: migrations.next(spec, after, time) })),
    migrateWrite: (spec, projected) =>
      transactor.write(() => ({ keep: true, result: migrations.write(spec, projected) })),
    reload: layouts.reload,
    get broken() {
      return transactor.broken;
    },
  };
}

function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error: error instanceof RegistryError ? error : new RegistryError('STORE_FAILURE', { cause: error }) };
  }
}

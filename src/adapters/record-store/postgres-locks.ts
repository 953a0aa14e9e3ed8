import { hash } from 'node:crypto';
import { sql } from 'kysely';
import { encodeFilter, pinnedValue } from '../../ports/encoded-filter.ts';
import type { Check, Commit, CountQuery, IndexKeySpec } from '../../ports/record-store.ts';
import type { PgConnection } from './postgres-driver.ts';
import { statement } from './postgres-statement.ts';
import type { CollectionLayout, IndexLayout } from './sql-layout.ts';
import { param } from './sql-statement.ts';

/** What one record holds, or is to hold, in an index: encoded scalars by column, sets of them by array column. */
export interface EncodedRow {
  readonly scalars: ReadonlyMap<string, string>;
  readonly arrays: ReadonlyMap<string, readonly string[]>;
}

/** A row of a record that a commit writes: what it was, or what it becomes. */
export interface TouchedRow {
  readonly index: IndexLayout;
  readonly row: EncodedRow;
}

/** A transaction that needs more locks than this takes the whole store instead: the server's table of locks is small. */
export const MAX_LOCKS = 400;

/** Locks by name, each for one (true) or for many. */
export type LockSet = ReadonlyMap<string, boolean>;

// In an order that all follow, so that nobody waits in a ring: rows of `unnest` come as they stand.
const TAKE = statement(
  sql`SELECT 1 FROM unnest(${param('names')}::bigint[], ${param('forOne')}::bigint[]) AS l (name, for_one)
    WHERE (CASE WHEN for_one = 1 THEN pg_advisory_xact_lock(name) ELSE pg_advisory_xact_lock_shared(name) END) IS NULL`,
);

/**
 * The locks by which commits are serializable: a transaction takes all locks of its commits before it checks what they read, and has them
 * until its end, so that of two commits which could change each other's checks the second starts when the first is done.
 *
 * A record that is written is locked for one, a record that was only read for many. A query that pins all fields of a key is locked by
 * the tuple: for one, against those who write a row with that tuple, who lock it for many (a unique key's for one). Other queries,
 * and lists, lock their collection for one, against all who write there. Everybody locks the store for many.
 *
 * Names become numbers of 64 bits; two names that share one wait for each other in vain, and that is all.
 */
export interface LockNames {
  readonly store: string;
  /** Held by the one process that changes indexes. */
  readonly migration: string;
  /** What a commit says by itself: its checks, its records, and the rows that it writes. */
  ofCommit(
    commit: Commit,
    layoutOf: (collection: string) => CollectionLayout,
    written: readonly TouchedRow[],
  ): Map<string, boolean>;
  /** What rows add, such as those that a commit replaces. */
  addRows(locks: Map<string, boolean>, rows: readonly TouchedRow[]): void;
  /** Takes the locks, and the store's with them. */
  take(connection: PgConnection, locks: LockSet): Promise<unknown>;
}

export function createLockNames(schema: string): LockNames {
  const nameOf = (...parts: readonly string[]): string =>
    hash('sha256', JSON.stringify([schema, ...parts]), 'buffer')
      .readBigInt64BE(0)
      .toString();
  const store = nameOf('store');

  function adder(locks: Map<string, boolean>): Lock {
    return (isForOne, ...parts) => {
      const name = nameOf(...parts);
      locks.set(name, isForOne || locks.get(name) === true);
    };
  }

  function addRows(locks: Map<string, boolean>, rows: readonly TouchedRow[]): void {
    const lock = adder(locks);
    for (const { index, row } of rows) {
      for (const key of index.spec.keys)
        for (const tuple of tuplesOf(key, row)) lock(key.unique, 'tuple', index.spec.name, key.name, ...tuple);
    }
  }

  return {
    store,
    migration: nameOf('migration'),
    addRows,
    ofCommit(commit, layoutOf, written) {
      const locks = new Map<string, boolean>();
      const lock = adder(locks);
      for (const check of commit.checks) lockCheck(check, layoutOf, lock);
      for (const { collection, key } of [...commit.puts, ...commit.deletes]) {
        lock(true, 'record', collection, key);
        lock(false, 'collection', collection);
      }
      addRows(locks, written);
      return locks;
    },
    take(connection, locks) {
      const all: LockSet = locks.size > MAX_LOCKS ? new Map([[store, true]]) : new Map([...locks, [store, false]]);
      const sorted = [...all].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return connection.run(TAKE, {
        names: sorted.map(([name]) => name),
        forOne: sorted.map(([, isForOne]) => (isForOne ? 1 : 0)),
      });
    },
  };
}

type Lock = (isForOne: boolean, ...parts: readonly string[]) => void;

function lockCheck(check: Check, layoutOf: (collection: string) => CollectionLayout, lock: Lock): void {
  if (check.kind === 'record') {
    lock(false, 'record', check.collection, check.key);
    return;
  }
  const { collection } = check.query;
  const pinned = check.kind === 'list' ? null : pinnedTuple(check.query, layoutOf(collection));
  if (pinned === null) lock(true, 'collection', collection);
  else lock(true, 'tuple', pinned.index, pinned.key, ...pinned.tuple);
}

/** A key all of whose fields the query pins: every record that fits, now or later, has this tuple. */
function pinnedTuple(
  query: CountQuery,
  layout: CollectionLayout,
): { readonly index: string; readonly key: string; readonly tuple: readonly string[] } | null {
  const pinned = new Map<string, string>();
  for (const filter of query.where.map(encodeFilter)) {
    const value = pinnedValue(filter);
    if (value !== null) pinned.set(filter.column, value);
  }
  for (const { name, fields } of layout.indexes.get(query.index)?.spec.keys ?? []) {
    if (fields.length === 0 || !fields.every((field) => pinned.has(field))) continue;
    return { index: query.index, key: name, tuple: fields.map((field) => pinned.get(field) ?? '') };
  }
  return null;
}

/** What a row holds in the fields of a key: one tuple, or one for each combination of elements. */
export function tuplesOf(key: IndexKeySpec, row: EncodedRow): readonly (readonly string[])[] {
  // A key without fields is pinned by nothing; where it is unique, all its rows share the empty tuple.
  if (key.fields.length === 0 && !key.unique) return [];
  let found: readonly (readonly string[])[] = [[]];
  for (const field of key.fields) {
    const elements = row.arrays.get(field) ?? [row.scalars.get(field) ?? ''];
    found = found.flatMap((tuple) => elements.map((element) => [...tuple, element]));
  }
  return found;
}

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { IndexRow } from '../../ports/record-store.ts';
import { elementTexts, scalarText, uniqueLookups } from './sql-index.ts';
import { type IndexLayout, listColumn } from './sql-layout.ts';
import { param } from './sql-statement.ts';
import { createSearchWriter } from './sqlite-search-writer.ts';
import { prepare, type SqliteValue } from './sqlite-statement.ts';
import { createWaitingRows } from './sqlite-waiting-rows.ts';

/**
 * Writes the rows of one index, and looks for holders of its unique keys. Runs inside the caller's transaction. Rows of new records wait, to be written
 * many at a time; whatever looks at rows or changes them writes those that wait before.
 */
export interface IndexWriter {
  put(record: IndexedBy, row: IndexRow): void;
  /** Writes the rows that wait: before the transaction ends, and before anybody else looks at the tables. */
  writeWaiting(): void;
  /** Takes the rows of the record with this number away. */
  delete(id: number): void;
  /** Another unexpired record that agrees with this row in a unique key; call it when all writes are done. */
  conflict(key: string, row: IndexRow, now: number): { readonly keyName: string; readonly holder: string } | null;
  readonly statements: { readonly put: readonly string[]; readonly delete: readonly string[] };
}

/** What the rows of a record have of it. */
export interface IndexedBy {
  /** Its number. */
  readonly id: number;
  readonly key: string;
  readonly expiresAt: number;
  /** Whether the indexes have no rows of it. */
  readonly isNew: boolean;
}

/** A row as the tables have it. */
export interface EncodedRow {
  /** In the order of the index's columns. */
  readonly scalars: readonly string[];
  /** The elements of each array, each once, in the order of the index's arrays. */
  readonly lists: readonly (readonly string[])[];
}

/** `undone` grows whenever something that was written by the writer is undone; one that is given up then needs none. */
export function createIndexWriter(database: Database, layout: IndexLayout, undone = () => 0): IndexWriter {
  const columns = [...layout.columns.entries()];
  // What the rows of elements have, too.
  const shared = ['record', 'key', ...columns.map(([, column]) => column), 'expires_at'];
  const lists = [...layout.sides.keys()].map((_, place) => listColumn(place));
  const names = [...shared, ...lists];
  const changed = names.slice(1).map((name) => sql`${sql.ref(name)} <> excluded.${sql.ref(name)}`);
  const assigned = names.slice(1).map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`);
  const addMain = sql`INSERT INTO ${sql.table(layout.table)} (${sql.join(names.map((name) => sql.ref(name)))})
    VALUES (${sql.join(names.map(param))})`;
  const waiting = createWaitingRows(database, layout.table, names, undone);
  // A row that stays as it is costs no write, and none of its elements.
  const putMain = prepare(
    database,
    sql`${addMain} ON CONFLICT (record) DO UPDATE SET ${sql.join(assigned)} WHERE ${sql.join(changed, sql` OR `)}`,
  );
  const sides = [...layout.sides.entries()].map(([column, table]) => ({
    column,
    waiting: createWaitingRows(database, table, ['value', ...shared], undone, true),
    clear: prepare(
      database,
      sql`DELETE FROM ${sql.table(table)} WHERE value = ${param('value')} AND key = ${param('key')}`,
    ),
  }));
  const listed = prepare(
    database,
    sql`SELECT ${sql.join(['key', ...lists].map((name) => sql.ref(name)))} FROM ${sql.table(layout.table)} WHERE record = ${param('record')}`,
  );
  const deletes = [layout.table, ...(layout.search === null ? [] : [layout.search.records])].map((table) =>
    prepare(database, sql`DELETE FROM ${sql.table(table)} WHERE record = ${param('record')}`),
  );
  const search = createSearchWriter(database, layout, undone);
  const uniques = uniqueLookups(layout).map((unique) => ({ ...unique, holder: prepare(database, unique.holder) }));

  const encode = (row: IndexRow): EncodedRow => ({
    scalars: columns.map(([declared]) => scalarText(row, declared)),
    lists: sides.map(({ column }) => elementTexts(row, column)),
  });

  function writeWaiting(): void {
    waiting.write();
    for (const side of sides) side.waiting.write();
    search?.writeWaiting();
  }

  /** The key of a record in the main table, and the elements that it has in the sides. */
  const elementsOf = (id: number) => (sides.length === 0 ? undefined : listed.rowOf(id));

  function clearElements([key = null, ...elements]: readonly SqliteValue[]): void {
    for (const [place, { clear }] of sides.entries()) {
      const values: readonly string[] = JSON.parse(String(elements[place]));
      for (const value of values) clear.runOf([value, key]);
    }
  }

  /** Whether the rows of elements are to be written. */
  function putRow({ id, isNew }: IndexedBy, values: readonly SqliteValue[]): boolean {
    if (isNew) {
      waiting.add(values);
      return true;
    }
    writeWaiting();
    const before = elementsOf(id);
    if (putMain.runOf(values) === 0) return false;
    if (before !== undefined) clearElements(before);
    return true;
  }

  return {
    put(by, row) {
      const encoded = encode(row);
      const values = [by.id, by.key, ...encoded.scalars, by.expiresAt];
      if (putRow(by, [...values, ...encoded.lists.map((list) => JSON.stringify(list))]))
        for (const [place, side] of sides.entries())
          for (const value of encoded.lists[place] ?? []) side.waiting.add([value, ...values]);
      search?.put(by, row, encoded);
    },
    writeWaiting,
    delete(id) {
      writeWaiting();
      const elements = elementsOf(id);
      if (elements !== undefined) clearElements(elements);
      for (const statement of deletes) statement.run({ record: id });
    },
    conflict(key, row, now) {
      if (uniques.length === 0) return null;
      writeWaiting();
      const scalars = columns.map(([declared, column]) => [column, scalarText(row, declared)]);
      const values = { ...Object.fromEntries(scalars), key, now };
      for (const { name, array, holder } of uniques) {
        const elements = array === null ? [''] : elementTexts(row, array);
        for (const value of elements) {
          const found = holder.row({ ...values, value });
          if (found !== undefined) return { keyName: name, holder: String(found[0]) };
        }
      }
      return null;
    },
    statements: {
      put: [
        waiting,
        putMain,
        ...(sides.length === 0 ? [] : [listed]),
        ...sides.flatMap((side) => [side.clear, side.waiting]),
        ...(search?.statements ?? []),
        ...uniques.map(({ holder }) => holder),
      ].map((statement) => statement.sql),
      delete: [...(sides.length === 0 ? [] : [listed]), ...sides.map(({ clear }) => clear), ...deletes].map(
        (statement) => statement.sql,
      ),
    },
  };
}

import { sql } from 'kysely';
import type { IndexRow, IndexSpec } from '../../ports/record-store.ts';
import type { PgConnection, PgRow } from './postgres-driver.ts';
import type { EncodedRow } from './postgres-locks.ts';
import { createPgSearchWriter } from './postgres-search-writer.ts';
import { statement } from './postgres-statement.ts';
import { elementTexts, scalarText, type UniqueLookup, uniqueLookups } from './sql-index.ts';
import type { IndexLayout } from './sql-layout.ts';
import { type Bindings, type Fragment, param, sequenceOf } from './sql-statement.ts';

/** A record's row in an index, with its key and when it expires. */
export interface RowPut {
  readonly key: string;
  readonly row: EncodedRow;
  /** The row as it was given: its texts are taken apart when they are written. */
  readonly source: IndexRow;
  readonly expiresAt: number;
  /** There was no such record: it has no elements that would have to go. */
  readonly isNew: boolean;
}

/**
 * Writes the rows of one index for many records at a time, and looks for holders of its unique keys. Nothing is waited for inside: the
 * promises of all statements are given back, and they run in the order in which they were sent.
 */
export interface PgIndexWriter {
  put(connection: PgConnection, puts: readonly RowPut[]): readonly Promise<unknown>[];
  delete(connection: PgConnection, keys: readonly string[]): readonly Promise<unknown>[];
  /** The rows that the keys have now. */
  read(
    connection: PgConnection,
    keys: readonly string[],
  ): Promise<readonly { readonly key: string; readonly row: EncodedRow }[]>;
  /** Rows, by their keys, with another unexpired record that agrees with them in a unique key; call it when all writes are sent. */
  conflicts(
    connection: PgConnection,
    puts: readonly Pick<RowPut, 'key' | 'row'>[],
    now: number,
  ): Promise<readonly { readonly key: string; readonly keyName: string; readonly holder: string }[]>;
  readonly statements: { readonly put: readonly string[]; readonly delete: readonly string[] };
}

export function createPgIndexWriter(layout: IndexLayout): PgIndexWriter {
  const columns = [...layout.columns.entries()];
  const names = ['key', ...columns.map(([, column]) => column), 'expires_at'];
  const list = (name: string): Fragment => sql`${param(name)}::${name === 'expires_at' ? sql`bigint[]` : sql`text[]`}`;
  const refs = (all: readonly string[]): Fragment => sql.join(all.map((name) => sql.ref(name)));
  const changed = names.slice(1).map((name) => sql`s.${sql.ref(name)} <> excluded.${sql.ref(name)}`);
  const assigned = names.slice(1).map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`);
  // A row that stays as it is costs no write.
  const putMain = statement(
    sql`INSERT INTO ${sql.table(layout.table)} AS s (${refs(names)}) SELECT * FROM unnest(${sql.join(names.map(list))})
      ON CONFLICT (key) DO UPDATE SET ${sql.join(assigned)} WHERE ${sql.join(changed, sql` OR `)}`,
  );
  const sides = [...layout.sides.entries()].map(([column, table]) => ({
    column,
    put: statement(
      sql`INSERT INTO ${sql.table(table)} (${refs(['value', ...names])}) SELECT * FROM unnest(${sql.join(['value', ...names].map(list))})`,
    ),
    clear: statement(sql`DELETE FROM ${sql.table(table)} WHERE key = ANY(${list('key')})`),
    read: statement(sql`SELECT key, value FROM ${sql.table(table)} WHERE key = ANY(${list('key')})`),
  }));
  const clearMain = statement(sql`DELETE FROM ${sql.table(layout.table)} WHERE key = ANY(${list('key')})`);
  const readMain = statement(
    sql`SELECT ${refs(names.slice(0, -1))} FROM ${sql.table(layout.table)} WHERE key = ANY(${list('key')})`,
  );
  const search = createPgSearchWriter(layout);
  const uniques = uniqueLookups(layout).map((unique) => ({ ...unique, holders: statement(holdersOf(unique)) }));

  const bindingsOf = (puts: readonly RowPut[]): Bindings => ({
    key: puts.map(({ key }) => key),
    expires_at: puts.map(({ expiresAt }) => expiresAt),
    ...Object.fromEntries(
      columns.map(([declared, column]) => [column, puts.map(({ row }) => row.scalars.get(declared) ?? '')]),
    ),
  });

  const declared = new Map(columns.map(([name, column]) => [column, name]));
  /** What a row has in a column of a table; in a side table the element is `value`. */
  const textIn = ({ row, value }: { readonly row: EncodedRow; readonly value: string }, column: string): string =>
    column === 'value' ? value : (row.scalars.get(declared.get(column) ?? '') ?? '');

  return {
    put(connection, puts) {
      if (puts.length === 0) return [];
      const sent = [connection.run(putMain, bindingsOf(puts))];
      const replaced = puts.filter(({ isNew }) => !isNew).map(({ key }) => key);
      for (const { column, put, clear } of sides) {
        if (replaced.length > 0) sent.push(connection.run(clear, { key: replaced }));
        const elements = puts.flatMap((one) => (one.row.arrays.get(column) ?? []).map((value) => ({ ...one, value })));
        if (elements.length === 0) continue;
        sent.push(connection.run(put, { ...bindingsOf(elements), value: elements.map(({ value }) => value) }));
      }
      return [...sent, ...(search?.put(connection, puts) ?? [])];
    },
    delete(connection, keys) {
      if (keys.length === 0) return [];
      const sent = [clearMain, ...sides.map(({ clear }) => clear)].map((clear) => connection.run(clear, { key: keys }));
      return [...sent, ...(search?.delete(connection, keys) ?? [])];
    },
    async read(connection, keys) {
      const [rows, ...elements] = await Promise.all(
        [readMain, ...sides.map(({ read }) => read)].map((read) => connection.run(read, { key: keys })),
      );
      return (rows ?? []).map((row) => ({ key: String(row[0]), row: toEncodedRow(row, columns, sides, elements) }));
    },
    async conflicts(connection, puts, now) {
      if (puts.length === 0) return [];
      const found = uniques.map(async ({ name, array, columns, holders }) => {
        const asked = puts.flatMap(({ key, row }) => {
          const elements = array === null ? [''] : (row.arrays.get(array) ?? []);
          return elements.map((value) => ({ key, row, value }));
        });
        if (asked.length === 0) return [];
        const rows = await connection.run(holders, {
          now,
          key: asked.map(({ key }) => key),
          ...Object.fromEntries(columns.map((column) => [column, asked.map((one) => textIn(one, column))])),
        });
        return rows.map(([key, holder]) => ({ key: String(key), keyName: name, holder: String(holder) }));
      });
      return (await Promise.all(found)).flat();
    },
    statements: {
      put: [
        putMain,
        ...sides.flatMap(({ clear, put }) => [clear, put]),
        ...(search?.statements.put ?? []),
        ...uniques.map(({ holders }) => holders),
      ].map(({ text }) => text),
      delete: [clearMain, ...sides.map(({ clear }) => clear), ...(search?.statements.delete ?? [])].map(
        ({ text }) => text,
      ),
    },
  };
}

/** For many rows at once, whose texts are bound as lists: their keys, in their order, each with one other holder. */
function holdersOf({ table, columns }: UniqueLookup): Fragment {
  const names = ['key', ...columns];
  const lists = names.map((name) => sql`${param(name)}::text[]`);
  const same = columns.map((column) => sql`s.${sql.ref(column)} = u.${sql.ref(column)} AND `);
  return sql`SELECT u.key, h.key FROM unnest(${sql.join(lists)}) WITH ORDINALITY AS u (${sql.join([...names, 'place'].map((name) => sql.ref(name)))})
    CROSS JOIN LATERAL (SELECT s.key FROM ${sql.table(table)} AS s
      WHERE ${sequenceOf(same)} s.key <> u.key AND s.expires_at > ${param('now')} LIMIT 1) AS h`;
}

export function encodeRow(spec: IndexSpec, row: IndexRow): EncodedRow {
  const scalars = new Map(spec.columns.map((column) => [column, scalarText(row, column)]));
  const arrays = new Map(spec.arrays.map((column) => [column, elementTexts(row, column)]));
  return { scalars, arrays };
}

function toEncodedRow(
  row: PgRow,
  columns: readonly (readonly [string, string])[],
  sides: readonly { readonly column: string }[],
  elements: readonly (readonly PgRow[])[],
): EncodedRow {
  const [key, ...values] = row;
  return {
    scalars: new Map(columns.map(([declared], place) => [declared, String(values[place])])),
    arrays: new Map(
      sides.map(({ column }, place) => [
        column,
        (elements[place] ?? []).filter(([of]) => of === key).map(([, value]) => String(value)),
      ]),
    ),
  };
}

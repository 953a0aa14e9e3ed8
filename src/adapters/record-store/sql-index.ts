import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { IndexKeySpec, IndexRow, Scalar } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import { type IndexLayout, tablesOf } from './sql-layout.ts';
import { type Fragment, param, type SqlDialect } from './sql-statement.ts';

/** The encoded scalar of a row in a column. */
export function scalarText(row: IndexRow, column: string): string {
  const value = row[column] ?? null;
  const scalar: Scalar = typeof value === 'object' ? null : value;
  return encodeScalar(scalar);
}

/** The encoded elements of a row in an array column, each once. */
export function elementTexts(row: IndexRow, column: string): readonly string[] {
  const values = row[column] ?? null;
  return typeof values === 'object' && values !== null ? [...new Set(values.map(encodeScalar))] : [];
}

/** A unique key, and the statement that finds who holds it. */
export interface UniqueLookup {
  readonly name: string;
  /** The array column among its fields, of which a row may have at most one; its elements are bound as `value`. */
  readonly array: string | null;
  /** Where holders are looked up, and the columns there that have to agree. */
  readonly table: string;
  readonly columns: readonly string[];
  /** The key of another record than `key`, unexpired at `now`, that agrees in all fields, bound by the names of their columns. */
  readonly holder: Fragment;
}

export function uniqueLookups(layout: IndexLayout): readonly UniqueLookup[] {
  return layout.spec.keys
    .filter(({ unique }) => unique)
    .map((key) => {
      const { array, table, columns } = placeOf(layout, key);
      const conditions = columns.map((column) => sql`${sql.ref(column)} = ${param(column)} AND `);
      const holder = sql`SELECT key FROM ${sql.table(table)}
        WHERE ${sql.join(conditions, sql``)} key <> ${param('key')} AND expires_at > ${param('now')} LIMIT 1`;
      return { name: key.name, array, table, columns, holder };
    });
}

/** For each unique key the statement that finds two records, unexpired at `now`, which agree in it. */
export function duplicateLookups(layout: IndexLayout): readonly { readonly key: string; readonly find: Fragment }[] {
  return layout.spec.keys
    .filter(({ unique }) => unique)
    .map((key) => {
      const { table, columns } = placeOf(layout, key);
      const grouped =
        columns.length === 0 ? sql`` : sql`GROUP BY ${sql.join(columns.map((column) => sql.ref(column)))}`;
      const find = sql`SELECT min(key), max(key) FROM ${sql.table(table)}
        WHERE expires_at > ${param('now')} ${grouped} HAVING count(*) > 1 LIMIT 1`;
      return { key: key.name, find };
    });
}

/** A unique key cannot begin with records that break it. */
export function duplicatesFound(layout: IndexLayout, key: string, keys: readonly unknown[]): RegistryError {
  return new RegistryError('UNIQUE_VIOLATION', {
    message: `Index "${layout.spec.name}" cannot have the unique key "${key}": "${keys[0]}" and "${keys[1]}" agree in it`,
  });
}

/** For each table of an index the statement that takes away the rows of records which are gone from `collection`. */
export function deleteOrphans(dialect: SqlDialect, layout: IndexLayout): readonly Fragment[] {
  const isSame = sql`${dialect.isRecordOf(sql.ref(`s.${dialect.tie}`))} AND r.collection = ${param('collection')} AND r.key = s.key`;
  return tablesOf(layout).map(
    (table) => sql`DELETE FROM ${sql.table(table)} AS s WHERE NOT EXISTS (SELECT 1 FROM records AS r WHERE ${isSame})`,
  );
}

/** The table that a key's lookups read, and the columns of its fields there: in a side table the element is `value`. */
function placeOf(layout: IndexLayout, key: IndexKeySpec) {
  const array = key.fields.find((field) => layout.sides.has(field)) ?? null;
  const table = (array === null ? undefined : layout.sides.get(array)) ?? layout.table;
  const columns = key.fields.map((field) => (field === array ? 'value' : (layout.columns.get(field) ?? '')));
  return { array, table, columns };
}

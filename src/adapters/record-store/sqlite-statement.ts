import type Sqlite from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { type Bindings, createStatementCompiler, type Fragment, type SqlDialect } from './sql-statement.ts';

/** What SQLite binds and gives back here. */
export type SqliteValue = string | number | null;

/** A prepared statement whose parameters have names. */
export interface Statement {
  /** All rows, as arrays in the order of the selected columns. */
  rows(values: Bindings): readonly (readonly SqliteValue[])[];
  /** As `rows`, with a value for each of `names` in their order. */
  rowsOf(values: readonly SqliteValue[]): readonly (readonly SqliteValue[])[];
  /** As `row`, with a value for each of `names` in their order. */
  rowOf(...values: readonly SqliteValue[]): readonly SqliteValue[] | undefined;
  /** The first column of all rows. */
  column(values: Bindings): readonly SqliteValue[];
  /** The first row. */
  row(values: Bindings): readonly SqliteValue[] | undefined;
  /** All rows, one by one; the connection does nothing else until the loop ends. */
  each(values: Bindings): Iterable<readonly SqliteValue[]>;
  /** Runs a statement that gives no rows; returns how many it changed. */
  run(values: Bindings): number;
  /** As `run`, with a value for each of `names` in their order. */
  runOf(values: readonly SqliteValue[]): number;
  /** Of the parameters, as often and in the order as they stand in `sql`. */
  readonly names: readonly string[];
  /** Runs a statement that inserts one row; returns the row's number. */
  insert(values: Bindings): number;
  readonly sql: string;
}

/**
 * The plus before a parameter, which changes nothing about it, keeps the planner from looking at it: SQLite plans a statement whose order
 * or limit stands beside a bare parameter anew with every value bound, which takes three times as long as running it.
 */
class SteadyQueryCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?';
  }
}

export const sqliteDialect: SqlDialect = Object.freeze({
  compile: createStatementCompiler({
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SteadyQueryCompiler(),
  }),
  text: sql`TEXT`,
  integer: sql`INTEGER`,
  isByElement: true,
  tie: 'record',
  mainKey: sql`record INTEGER PRIMARY KEY, key TEXT NOT NULL`,
  sideKey: sql`record INTEGER NOT NULL, key TEXT NOT NULL`,
  isRecordOf: (number) => sql`r.id = ${number}`,
  // The primary key is in each of a table's indexes, and with it the number.
  covering: (columns, others = []) => sql`(${sql.join([...columns, sql`expires_at`, ...others])})`,
  // SQLite does not swap the sides of a CROSS JOIN.
  lookUp: (table, name, where) => sql`CROSS JOIN ${table} AS ${sql.ref(name)} ON ${where}`,
  // Taken together with what is around it, which is no worse here: SQLite believes that all rows are wanted.
  apart: (rows) => sql`(${rows})`,
  onlyLooked: (column) => sql`+${column}`,
  isOneOf: (column, list) => sql`${column} IN (SELECT value FROM json_each(${list}))`,
  elements: (list) => sql`json_each(${list})`,
} satisfies SqlDialect);

export function prepare(database: Database, fragment: Fragment): Statement {
  const { sql: text, names } = sqliteDialect.compile(fragment);
  const prepared = database.prepare<SqliteValue[], SqliteValue[]>(text);
  if (prepared.reader) prepared.raw(true);
  let plucked: Sqlite.Statement<SqliteValue[], SqliteValue> | null = null;
  const bind = (values: Bindings): SqliteValue[] =>
    names.map((name) => {
      const value = values[name] ?? null;
      // Lists travel as JSON.
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
    });
  return {
    rows: (values) => prepared.all(...bind(values)),
    column(values) {
      plucked ??= database.prepare<SqliteValue[], SqliteValue>(text).pluck();
      return plucked.all(...bind(values));
    },
    rowsOf: (values) => prepared.all(...values),
    rowOf: (...values) => prepared.get(...values),
    row: (values) => prepared.get(...bind(values)),
    each: (values) => prepared.iterate(...bind(values)),
    run: (values) => prepared.run(...bind(values)).changes,
    runOf: (values) => prepared.run(...values).changes,
    names,
    insert: (values) => Number(prepared.run(...bind(values)).lastInsertRowid),
    sql: text,
  };
}

/** Statements by the shape of what they answer. The one that was not used for longest goes when there are too many. */
export interface StatementCache {
  get(shape: string, build: () => Fragment): Statement;
}

export function createStatementCache(database: Database, maxStatements = 500): StatementCache {
  // Not a Map: one that is reordered with each use hashes all its entries again every so often.
  const statements = new LRUCache<string, Statement>({ max: maxStatements });
  return {
    get(shape, build) {
      let statement = statements.get(shape);
      if (statement === undefined) {
        statement = prepare(database, build());
        statements.set(shape, statement);
      }
      return statement;
    },
  };
}

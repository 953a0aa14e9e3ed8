import type { Database } from 'better-sqlite3';
import {
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { LRUCache } from 'lru-cache';

/** What SQLite binds and gives back here. */
export type SqliteValue = string | number | null;

export type Fragment = RawBuilder<unknown>;

/** A prepared statement whose parameters have names. */
export interface Statement {
  /** All rows, as arrays in the order of the selected columns. */
  rows(values: Bindings): readonly (readonly SqliteValue[])[];
  /** The first row. */
  row(values: Bindings): readonly SqliteValue[] | undefined;
  /** All rows, one by one; the connection does nothing else until the loop ends. */
  each(values: Bindings): Iterable<readonly SqliteValue[]>;
  /** Runs a statement that gives no rows; returns how many it changed. */
  run(values: Bindings): number;
  readonly sql: string;
}

export type Bindings = Readonly<Record<string, SqliteValue>>;

/** The place of a named value in a statement. */
class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A named value. The plus, which changes nothing about it, keeps the planner from looking at it: SQLite plans a statement whose order or
 * limit stands beside a bare parameter anew with every value bound, which takes three times as long as running it.
 */
export function param(name: string): Fragment {
  return sql`+${new Parameter(name)}`;
}

/** Compiles only: Kysely never sees the connection. */
const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** The SQL alone. */
export function compile(fragment: Fragment) {
  return fragment.compile(compiler);
}

export function prepare(database: Database, fragment: Fragment): Statement {
  const compiled = compile(fragment);
  const names = compiled.parameters.map((parameter) => {
    if (!(parameter instanceof Parameter)) throw new TypeError('A statement is compiled with named parameters only');
    return parameter.name;
  });
  const prepared = database.prepare<SqliteValue[], SqliteValue[]>(compiled.sql);
  if (prepared.reader) prepared.raw(true);
  const bind = (values: Bindings): SqliteValue[] => names.map((name) => values[name] ?? null);
  return {
    rows: (values) => prepared.all(...bind(values)),
    row: (values) => prepared.get(...bind(values)),
    each: (values) => prepared.iterate(...bind(values)),
    run: (values) => prepared.run(...bind(values)).changes,
    sql: compiled.sql,
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

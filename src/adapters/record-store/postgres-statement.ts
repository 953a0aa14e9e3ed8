import { createHash } from 'node:crypto';
import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import {
  type Bindings,
  type BoundValue,
  createStatementCompiler,
  type Fragment,
  param,
  type SqlDialect,
} from './sql-statement.ts';

export const postgresDialect: SqlDialect = Object.freeze({
  compile: createStatementCompiler({
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }),
  // Bytes decide, whatever the locale of the database.
  text: sql`TEXT COLLATE "C"`,
  integer: sql`BIGINT`,
  isByElement: false,
  tie: 'key',
  mainKey: sql`key TEXT COLLATE "C" PRIMARY KEY`,
  sideKey: sql`key TEXT COLLATE "C" NOT NULL`,
  isRecordOf: (key) => sql`r.collection = ${param('collection')} AND r.key = ${key}`,
  covering: (columns) => sql`(${sql.join([...columns])}) INCLUDE (expires_at)`,
  // Not one with the rest, or the planner would read all of a table that it believes to be small, as all of them were once.
  lookUp: (table, name, where) =>
    sql`CROSS JOIN LATERAL (SELECT * FROM ${table} AS ${sql.ref(name)} WHERE ${where} OFFSET 0) AS ${sql.ref(name)}`,
  apart: (rows) => sql`(WITH apart AS MATERIALIZED (${rows}) SELECT * FROM apart)`,
  // Of several bounds of one column it seeks by the narrowest.
  onlyLooked: (column) => column,
  isOneOf: (column, list) => sql`${column} = ANY(${list}::text[])`,
  elements: (list) => sql`(SELECT unnest(${list}::text[]) AS value)`,
} satisfies SqlDialect);

/** A statement under the name that connections prepare it by. */
export interface PgStatement {
  readonly name: string;
  readonly text: string;
  bind(values: Bindings): BoundValue[];
}

/** The name is a hash of the text: equal statements are prepared once on a connection. */
export function statement(fragment: Fragment): PgStatement {
  const { sql: text, names } = postgresDialect.compile(fragment);
  const name = `e${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  return Object.freeze({
    name,
    text,
    bind: (values: Bindings) => names.map((parameter) => values[parameter] ?? null),
  });
}

/** Statements by the shape of what they answer. The one that was not used for longest goes when there are too many. */
export interface PgStatementCache {
  get(shape: string, build: () => Fragment): PgStatement;
}

export function createPgStatementCache(maxStatements = 500): PgStatementCache {
  const statements = new LRUCache<string, PgStatement>({ max: maxStatements });
  return {
    get(shape, build) {
      let found = statements.get(shape);
      if (found === undefined) {
        found = statement(build());
        statements.set(shape, found);
      }
      return found;
    },
  };
}

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { type Fragment, param } from './sql-statement.ts';
import { prepare, type SqliteValue, type Statement } from './sqlite-statement.ts';

/** New rows of one table, which are inserted many at a time. */
export interface WaitingRows {
  /** A value for each column, in their order. */
  add(values: readonly SqliteValue[]): void;
  /** Inserts all that wait. */
  write(): void;
  /** What inserts one. */
  readonly sql: string;
}

/** Rows that one statement inserts: as many as are left, in as few statements as these come to. */
const SIZES = [16, 4, 1];

/**
 * `undone` grows whenever something that was written is undone; rows that waited then are forgotten. Where `isSorted`, they are inserted in the order of
 * their first values, so that one after the other lies near it in the indexes.
 */
export function createWaitingRows(
  database: Database,
  table: string,
  columns: readonly string[],
  undone: () => number,
  isSorted = false,
): WaitingRows {
  const one = sql`(${sql.join(columns.map(param))})`;
  const into = sql`${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))})`;
  // OR FAIL leaves the rows before one that fails, and the caller undoes them: SQLite need not set a mark for it, at which FTS5 would write what it has.
  const insert = (size: number): Fragment =>
    sql`INSERT OR FAIL INTO ${into} VALUES ${sql.join(Array.from({ length: size }, () => one))}`;
  const single = prepare(database, insert(1));
  const statements = new Map<number, Statement>([[1, single]]);
  let waiting: (readonly SqliteValue[])[] = [];
  let waitingAt = undone();

  function statementOf(size: number): Statement {
    const statement = statements.get(size) ?? prepare(database, insert(size));
    statements.set(size, statement);
    return statement;
  }

  return {
    add(values) {
      if (waitingAt !== undone()) waiting = [];
      waitingAt = undone();
      waiting.push(values);
    },
    write() {
      if (waiting.length === 0) return;
      const rows = waitingAt === undone() ? waiting : [];
      waiting = [];
      if (isSorted && rows.length > 1) rows.sort(byFirst);
      let at = 0;
      for (const size of SIZES)
        for (; rows.length - at >= size; at += size) statementOf(size).runOf(rows.slice(at, at + size).flat());
    },
    sql: single.sql,
  };
}

function byFirst([one]: readonly SqliteValue[], [other]: readonly SqliteValue[]): number {
  return String(one) < String(other) ? -1 : Number(one !== other);
}

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { QueryWord } from '../../ports/search-terms.ts';
import type { SearchLayout } from './sql-layout.ts';
import { type Fragment, param } from './sql-statement.ts';
import { exactCode, looseCode, termsOf } from './sqlite-search-looks.ts';
import { prepare, type SqliteValue, type Statement } from './sqlite-statement.ts';
import { createWaitingRows } from './sqlite-waiting-rows.ts';

/**
 * Texts of small records wait in a table of their own until there are so many that FTS5 takes them together: alone each costs it a segment, some
 * ten pages of the log with what merging segments comes to. Who searches looks through those that wait.
 */
export const MOST_WAITING = 32;
/** Characters of the terms of one record that may wait. */
const MOST_CHARACTERS = 4000;

/** The terms of records on their way to FTS5. Runs inside the caller's transaction. */
export interface WaitingTexts {
  /** The terms of each class of a record that has none in the tables. */
  add(record: number, classes: readonly (readonly string[])[]): void;
  /** Writes what was added, to wait or to FTS5. */
  write(): void;
  readonly statements: readonly Pick<Statement, 'sql'>[];
}

/** The terms of all classes, heaviest first, as lines; a blank on either side of each term. */
function textOf(classes: readonly (readonly string[])[]): string {
  return classes.map((terms) => ` ${terms.join(' ')} `).join('\n');
}

export function createWaitingTable({ waiting }: SearchLayout): Fragment {
  return sql`CREATE TABLE ${sql.table(waiting)} (record INTEGER PRIMARY KEY, terms TEXT NOT NULL)`;
}

/** `undone` grows whenever something that was written here is undone. */
export function createWaitingTexts(database: Database, search: SearchLayout, undone: () => number): WaitingTexts {
  const columns = ['rowid', ...search.classes.map((_, place) => termsOf(place))];
  const table = sql.table(search.waiting);
  const put = prepare(
    database,
    sql`INSERT INTO ${sql.table(search.terms)} (${sql.join(columns.map((name) => sql.ref(name)))})
      VALUES (${sql.join(columns.map(param))})`,
  );
  const held = prepare(database, sql`SELECT record, terms FROM ${table}`);
  const count = prepare(database, sql`SELECT count(*) FROM ${table}`);
  const clear = prepare(database, sql`DELETE FROM ${table} WHERE record <= ${param('last')}`);
  const rows = createWaitingRows(database, search.waiting, ['record', 'terms'], undone);
  let added: (readonly SqliteValue[])[] = [];
  let addedAt = undone();

  /** FTS5 gathers what comes in the order of its numbers. */
  function index(all: readonly (readonly SqliteValue[])[]): void {
    const sorted = all.toSorted(([one], [other]) => Number(one) - Number(other));
    for (const [record = null, terms] of sorted) put.runOf([record, ...String(terms).split('\n')]);
  }

  return {
    add(record, classes) {
      if (addedAt !== undone()) added = [];
      addedAt = undone();
      added.push([record, textOf(classes)]);
    },
    write() {
      if (added.length === 0) return;
      const all = addedAt === undone() ? added : [];
      added = [];
      const few = all.filter(([, terms]) => String(terms).length <= MOST_CHARACTERS);
      const alone = all.length === few.length ? [] : all.filter((row) => !few.includes(row));
      if (few.length === 0 || Number(count.row({})?.[0]) + few.length < MOST_WAITING) {
        for (const row of few) rows.add(row);
        rows.write();
        index(alone);
        return;
      }
      const before = held.rows({});
      const last = Math.max(0, ...before.map(([record]) => Number(record)));
      if (before.length > 0) clear.run({ last });
      index([...before, ...all]);
    },
    statements: [rows, count, held, clear, put],
  };
}

/** What those that wait are looked through with. */
export function selectWaiting({ waiting }: SearchLayout): Fragment {
  return sql`SELECT record, terms FROM ${sql.table(waiting)}`;
}

/** The sum of `Look`s that would find the words in a text that waits; null where one of them is not there. */
export function codeOfText(terms: string, words: readonly QueryWord[], classes: number): number | null {
  let code = 0;
  for (const { exact, loose } of words) {
    // Heavier classes come first.
    const found = classAt(terms, terms.indexOf(` ${exact} `));
    if (found !== null) {
      code += exactCode(found, classes);
      continue;
    }
    const places = loose.map(({ term, isPrefix }) =>
      classAt(terms, terms.indexOf(isPrefix ? ` ${term}` : ` ${term} `)),
    );
    const heaviest = Math.min(...places.filter((place) => place !== null));
    if (heaviest === Infinity) return null;
    code += looseCode(heaviest);
  }
  return code;
}

function classAt(terms: string, at: number): number | null {
  if (at < 0) return null;
  let place = 0;
  for (let line = terms.indexOf('\n'); line >= 0 && line < at; line = terms.indexOf('\n', line + 1)) place++;
  return place;
}

import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { IndexRow } from '../../ports/record-store.ts';
import { termsOfRow } from '../../ports/search-terms.ts';
import { createKnownWords, ownText } from '../../shared/known-words.ts';
import { type IndexLayout, listColumn } from './sql-layout.ts';
import { type Fragment, param, sequenceOf } from './sql-statement.ts';
import type { EncodedRow, IndexedBy } from './sqlite-index-writer.ts';
import { termsOf } from './sqlite-search-looks.ts';
import { prepare, type Statement } from './sqlite-statement.ts';
import { createWaitingRows } from './sqlite-waiting-rows.ts';
import { createWaitingTable, createWaitingTexts } from './sqlite-waiting-texts.ts';

/** Keeps the texts of one index. Runs inside the caller's transaction. Rows go when those of their records do. */
export interface SearchWriter {
  /** `encoded` is what the index's other tables have of the row. */
  put(record: IndexedBy, row: IndexRow, encoded: EncodedRow): void;
  /** Writes rows of new records, which wait for each other. */
  writeWaiting(): void;
  readonly statements: readonly Pick<Statement, 'sql'>[];
}

/** Column of what a find in a class is worth. */
export const worthOf = (place: number): string => `p${place}`;
/** So many words get their trigrams at once; those with higher numbers than the last whole batch have none yet, and are few enough to be gone through. */
export const WORD_BATCH = 64;

/**
 * The tables of a search. FTS5 holds the terms, one column for each class, as they were made (to the tokenizer `ascii` all that is not
 * ASCII is a letter), and of words their trigrams, padded; neither holds a text. Record and terms are tied by a number, which costs
 * less than a key: the terms of a record go with its row, which also has what the other columns of the index have, lists as JSON.
 */
export function createSearchTables(layout: IndexLayout): readonly Fragment[] {
  if (layout.search === null) return [];
  const { records, terms, waiting, words, trigrams, classes } = layout.search;
  const places = classes.map((_, place) => place);
  const worths = places.map((place) => sql`${sql.ref(worthOf(place))} INTEGER NOT NULL`);
  const columns = places.map((place) => sql.ref(termsOf(place)));
  const carried = carriedNames(layout).map((name) => sql`, ${sql.ref(name)} TEXT NOT NULL`);
  return [
    sql`CREATE TABLE ${sql.table(records)} (record INTEGER PRIMARY KEY, key TEXT NOT NULL, ${sql.join(worths)},
      expires_at INTEGER NOT NULL, digest TEXT NOT NULL${sequenceOf(carried)})`,
    sql`CREATE VIRTUAL TABLE ${sql.table(terms)} USING fts5 (${sql.join(columns)},
      content = '', contentless_delete = 1, detail = column, tokenize = 'ascii')`,
    sql`CREATE TRIGGER ${sql.id(`${records}_gone`)} AFTER DELETE ON ${sql.table(records)}
      BEGIN DELETE FROM ${sql.table(terms)} WHERE rowid = old.record; DELETE FROM ${sql.table(waiting)} WHERE record = old.record; END`,
    createWaitingTable(layout.search),
    sql`CREATE TABLE ${sql.table(words)} (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, size INTEGER NOT NULL)`,
    sql`CREATE VIRTUAL TABLE ${sql.table(trigrams)} USING fts5 (word,
      content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1')`,
  ];
}

function carriedNames({ columns, sides }: IndexLayout): readonly string[] {
  return [...columns.values(), ...[...sides.keys()].map((_, place) => listColumn(place))];
}

/** What a row has in the columns that are carried, in the order of their names. */
function carriedValues({ scalars, lists }: EncodedRow): readonly string[] {
  return [...scalars, ...lists.map((list) => JSON.stringify(list))];
}

/** Words that are remembered to stand in the table, which saves looking for them. */
const MOST_WORDS = 20_000;

/** Null where the index has no texts. `undone` grows whenever something that was written here is undone. */
export function createSearchWriter(database: Database, layout: IndexLayout, undone: () => number): SearchWriter | null {
  const { spec, search } = layout;
  if (search === null) return null;
  const carried = carriedNames(layout);
  const places = search.classes.map((_, place) => place);
  const names = ['record', 'key', ...places.map(worthOf), 'expires_at', 'digest', ...carried];
  const records = sql.table(search.records);
  const find = prepare(database, sql`SELECT digest FROM ${records} WHERE record = ${param('record')}`);
  const clear = prepare(database, sql`DELETE FROM ${records} WHERE record = ${param('record')}`);
  const kept = ['expires_at', ...carried];
  const keep = prepare(
    database,
    sql`UPDATE ${records} SET ${sql.join(kept.map((name) => sql`${sql.ref(name)} = ${param(name)}`))}
      WHERE record = ${param('record')} AND (${sql.join(
        kept.map((name) => sql`${sql.ref(name)} <> ${param(name)}`),
        sql` OR `,
      )})`,
  );
  const waiting = createWaitingRows(database, search.records, names, undone);
  const texts = createWaitingTexts(database, search, undone);
  const newWords = prepare(
    database,
    sql`SELECT j.value FROM json_each(${param('words')}) AS j
      WHERE NOT EXISTS (SELECT 1 FROM ${sql.table(search.words)} AS w WHERE w.word = j.value)`,
  );
  const putWord = prepare(
    database,
    sql`INSERT INTO ${sql.table(search.words)} (word, size) VALUES (${param('word')}, ${param('size')})`,
  );
  const batch = prepare(
    database,
    sql`SELECT id, word FROM ${sql.table(search.words)} WHERE id > ${param('after')} ORDER BY id`,
  );
  const putTrigrams = prepare(
    database,
    sql`INSERT INTO ${sql.table(search.trigrams)} (rowid, word) VALUES (${param('rowid')}, ${param('padded')})`,
  );

  const known = createKnownWords<true>(MOST_WORDS);
  let knownAt = undone();

  function addWord(word: string): void {
    const id = putWord.insert({ word, size: word.length });
    if (id % WORD_BATCH !== 0) return;
    for (const [rowid = null, added] of batch.rows({ after: id - WORD_BATCH }))
      putTrigrams.run({ rowid, padded: `  ${added} ` });
  }

  /** Sees to it that the table has these words. */
  function addWords(all: readonly string[]): void {
    if (knownAt !== undone()) known.clear();
    knownAt = undone();
    const words = all.filter((word) => known.get(word) === undefined);
    if (words.length === 0) return;
    for (const [word] of newWords.rows({ words })) addWord(String(word));
    for (const word of words) known.add(ownText(word), true);
  }

  return {
    put({ id: record, key, expiresAt, isNew }, row, encoded) {
      const terms = termsOfRow(spec, row);
      if (terms === null) {
        if (!isNew) clear.run({ record });
        return;
      }
      const { classes, impacts, words } = terms;
      const digest = hash('sha256', JSON.stringify([key, classes, impacts]), 'base64url').slice(0, 22);
      const stored = isNew ? undefined : find.row({ record })?.[0];
      // Most writes of a record leave its texts alone.
      if (stored === digest) {
        const values = [expiresAt, ...carriedValues(encoded)];
        keep.runOf([...values, record, ...values]);
        return;
      }
      if (stored !== undefined) clear.run({ record });
      waiting.add([record, key, ...impacts, expiresAt, digest, ...carriedValues(encoded)]);
      texts.add(record, classes);
      addWords(words);
    },
    writeWaiting() {
      waiting.write();
      texts.write();
    },
    statements: [find, clear, keep, waiting, ...texts.statements, newWords, putWord, batch, putTrigrams],
  };
}

import { sql } from 'kysely';
import type { IndexRow } from '../../ports/record-store.ts';
import { type RecordTerms, termsOfRow } from '../../ports/search-terms.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import type { PgConnection } from './postgres-driver.ts';
import type { EncodedRow } from './postgres-locks.ts';
import { type PgStatement, postgresDialect, statement } from './postgres-statement.ts';
import { type IndexLayout, listColumn } from './sql-layout.ts';
import { type Fragment, param, sequenceOf } from './sql-statement.ts';

/** The texts of one record, in its row of the index, and the row as the index has it. */
export interface TextPut {
  readonly key: string;
  readonly row: EncodedRow;
  readonly source: IndexRow;
  readonly expiresAt: number;
}

/** Keeps the texts of one index. As in `PgIndexWriter` nothing is waited for. */
export interface PgSearchWriter {
  put(connection: PgConnection, puts: readonly TextPut[]): readonly Promise<unknown>[];
  delete(connection: PgConnection, keys: readonly string[]): readonly Promise<unknown>[];
  readonly statements: { readonly put: readonly PgStatement[]; readonly delete: readonly PgStatement[] };
}

/** The labels of a tsvector stand for the classes, the heaviest first. */
const LABELS = 'ABCD';
/** Between the trigrams of a word on their way: no word holds it. */
export const SEPARATOR = '\u0001';

/** Column of what a find in a class is worth. */
export const worthOf = (place: number): string => `p${place}`;

/**
 * The tables of a search: the terms of a record as a tsvector made of them as they are (no configuration of the server's has a say), the
 * trigrams of a word as a list. Beside its terms stands what a record has in the other columns of the index, so that hits are counted by it without
 * being looked up. Both indexes are kept at once: a list of changes to come would have to be gone through by each search.
 */
export function createPgSearchTables(layout: IndexLayout): readonly Fragment[] {
  if (layout.search === null) return [];
  const { records, words, classes } = layout.search;
  const { text, integer } = postgresDialect;
  const carried = [
    ...[...layout.columns.values()].map((column) => sql`, ${sql.ref(column)} ${text} NOT NULL`),
    ...[...layout.sides.keys()].map((_, place) => sql`, ${sql.ref(listColumn(place))} TEXT[] COLLATE "C" NOT NULL`),
  ];
  const worths = classes.map((_, place) => sql`${sql.ref(worthOf(place))} ${integer} NOT NULL`);
  return [
    sql`CREATE TABLE ${sql.table(records)} (key ${text} PRIMARY KEY, ${sql.join(worths)}, expires_at ${integer} NOT NULL, terms TSVECTOR NOT NULL${sequenceOf(carried)})`,
    sql`CREATE INDEX ${sql.id(`${records}_t`)} ON ${sql.table(records)} USING gin (terms) WITH (fastupdate = off)`,
    sql`CREATE TABLE ${sql.table(words)} (word ${text} PRIMARY KEY, size ${integer} NOT NULL, trigrams TEXT[] NOT NULL)`,
    sql`CREATE INDEX ${sql.id(`${words}_g`)} ON ${sql.table(words)} USING gin (trigrams) WITH (fastupdate = off)`,
  ];
}

/** Null where the index has no texts. */
export function createPgSearchWriter({ spec, search, columns, sides }: IndexLayout): PgSearchWriter | null {
  if (search === null) return null;
  const worths = search.classes.map((_, place) => worthOf(place));
  const scalars = [...columns.entries()];
  const lists = [...sides.keys()].map((column, place) => [column, listColumn(place)] as const);
  const names = ['key', ...worths, 'expires_at', 'terms', ...[...scalars, ...lists].map(([, name]) => name)];
  const numbers = new Set([...worths, 'expires_at']);
  const arrays = new Set(lists.map(([, name]) => name));
  const records = sql.table(search.records);
  const refs = sql.join(names.map((name) => sql.ref(name)));
  const bound = names.map((name) => sql`${param(name)}::${numbers.has(name) ? sql`bigint[]` : sql`text[]`}`);
  const selected = (name: string): Fragment => {
    if (name === 'terms') return sql`terms::tsvector`;
    return arrays.has(name) ? sql`${sql.ref(name)}::text[]` : sql.ref(name);
  };
  const values = names.map(selected);
  const changed = names.slice(1).map((name) => sql`s.${sql.ref(name)} <> excluded.${sql.ref(name)}`);
  const assigned = names.slice(1).map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`);
  const putRecords = statement(
    sql`INSERT INTO ${records} AS s (${refs}) SELECT ${sql.join(values)} FROM unnest(${sql.join(bound)}) AS u (${refs})
      ON CONFLICT (key) DO UPDATE SET ${sql.join(assigned)} WHERE ${sql.join(changed, sql` OR `)}`,
  );
  const clear = statement(sql`DELETE FROM ${records} WHERE key = ANY(${param('key')}::text[])`);
  const words = sql.table(search.words);
  // In one order, so that two commits with the same new words wait for each other in a line and not in a ring.
  const putWords = statement(
    sql`INSERT INTO ${words} (word, size, trigrams)
      SELECT u.word, u.size, string_to_array(u.trigrams, ${sql.lit(SEPARATOR)})
      FROM unnest(${param('words')}::text[], ${param('sizes')}::bigint[], ${param('trigrams')}::text[]) AS u (word, size, trigrams)
      WHERE NOT EXISTS (SELECT 1 FROM ${words} AS w WHERE w.word = u.word) ORDER BY u.word COLLATE "C" ON CONFLICT (word) DO NOTHING`,
  );

  return {
    put(connection, puts) {
      const texts = puts.map((put) => ({ ...put, terms: termsOfRow(spec, put.source) }));
      const silent = texts.filter(({ terms }) => terms === null).map(({ key }) => key);
      const spoken = texts.flatMap(({ terms, ...put }) => (terms === null ? [] : [{ ...put, terms }]));
      const sent: Promise<unknown>[] = [];
      if (silent.length > 0) sent.push(connection.run(clear, { key: silent }));
      if (spoken.length === 0) return sent;
      sent.push(
        connection.run(putRecords, {
          key: spoken.map(({ key }) => key),
          expires_at: spoken.map(({ expiresAt }) => expiresAt),
          terms: spoken.map(({ terms }) => vectorOf(terms)),
          ...Object.fromEntries([
            ...scalars.map(([column, name]) => [name, spoken.map(({ row }) => row.scalars.get(column) ?? '')]),
            ...lists.map(([column, name]) => [name, spoken.map(({ row }) => listText(row.arrays.get(column) ?? []))]),
          ]),
          ...Object.fromEntries(
            worths.map((worth, place) => [worth, spoken.map(({ terms }) => terms.impacts[place] ?? 0)]),
          ),
        }),
      );
      const all = [...new Set(spoken.flatMap(({ terms }) => terms.words))];
      sent.push(
        connection.run(putWords, {
          words: all,
          sizes: all.map((word) => word.length),
          trigrams: all.map((word) => trigramsOf(word).join(SEPARATOR)),
        }),
      );
      return sent;
    },
    delete: (connection, keys) => [connection.run(clear, { key: keys })],
    statements: { put: [clear, putRecords, putWords], delete: [clear] },
  };
}

/** Terms hold letters, digits and marks: no quote can end one early. */
function vectorOf({ classes }: RecordTerms): string {
  return classes.flatMap((terms, place) => terms.map((term) => `'${term}':1${LABELS[place]}`)).join(' ');
}

/** A list of texts as the database reads one. */
function listText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join()}}`;
}

/** A term of a query, in whichever class or in one. */
export function lexeme(term: string, isPrefix: boolean, place: number | null): string {
  const label = place === null ? '' : (LABELS[place] ?? '');
  const suffix = `${isPrefix ? '*' : ''}${label}`;
  return `'${term}'${suffix === '' ? '' : `:${suffix}`}`;
}

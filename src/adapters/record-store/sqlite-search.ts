import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { SearchPage, SearchQuery, SimilarQuery, SimilarWords } from '../../ports/record-search.ts';
import { type LooseTerm, type QueryWord, similarWords } from '../../ports/search-terms.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import type { IndexLayout } from './sql-layout.ts';
import { type HitSource, type PlannedSearch, planSearch, selectSearch, toSearchPage } from './sql-search.ts';
import { type Bindings, type Fragment, param } from './sql-statement.ts';
import { termsOf, worthOf } from './sqlite-search-writer.ts';
import { createStatementCache, sqliteDialect } from './sqlite-statement.ts';

export interface SqliteSearcher {
  search(layout: IndexLayout, query: SearchQuery, time: number): SearchPage;
  similarWords(layout: IndexLayout, query: SimilarQuery): SimilarWords;
}

/** Searches texts by FTS5, which finds and joins; what a find is worth is added up in SQL. */
export function createSqliteSearcher(database: Database): SqliteSearcher {
  const statements = createStatementCache(database);
  return {
    search(layout, asked, time) {
      const plan = planSearch(layout, asked, time);
      if (plan === null) return toSearchPage([], asked);
      const statement = statements.get(plan.shape, () => statementOf(plan, asked));
      return toSearchPage(statement.rows({ ...plan.values, ...matchValues(plan) }), asked);
    },
    similarWords({ search }, { text }) {
      if (search === null) return [];
      const statement = statements.get(
        `similar ${search.words}`,
        () => sql`SELECT w.word FROM ${sql.table(search.trigrams)} AS g CROSS JOIN ${sql.table(search.words)} AS w ON w.id = g.rowid
          WHERE ${sql.ref(search.trigrams)} MATCH ${param('trigrams')} AND w.size BETWEEN ${param('shortest')} AND ${param('longest')}`,
      );
      return similarWords(text, (word, tolerance) => {
        const trigrams = trigramsOf(word).map(quote).join(' OR ');
        const [shortest, longest] = [word.length - tolerance, word.length + tolerance];
        return statement.rows({ trigrams, shortest, longest }).map(([found]) => String(found));
      });
    },
  };
}

/** The statement of such a search. */
export function explainSearch(layout: IndexLayout, asked: SearchQuery): readonly string[] {
  const plan = planSearch(layout, asked, 0);
  return plan === null ? [] : [sqliteDialect.compile(statementOf(plan, asked)).sql];
}

function statementOf(plan: PlannedSearch, asked: SearchQuery): Fragment {
  return selectSearch(sqliteDialect, plan, hitSource(plan), asked);
}

/**
 * One look into FTS5: of the records that it finds, `code` is added to a sum. The sums are how many words each record has by class, 6 bits for
 * each class, first those that only begin like the word or resemble it, then the words themselves; and above them a mark
 * for having all words.
 */
interface Look {
  readonly match: string;
  readonly code: number;
}

const BITS = 6;
const HAS_ALL = 2 ** (8 * BITS);

/**
 * The first look finds the records that have every word, each as if it were found loosely in the lightest class. The others set it right
 * word by word, from there up: found in one of the heavier classes, found itself, found itself in one of the heavier classes.
 */
function looksOf({ words, search }: PlannedSearch): readonly Look[] {
  const count = search.classes.length;
  const loose = (place: number): number => 2 ** (BITS * place);
  const exact = (place: number): number => 2 ** (BITS * (count + place));
  const last = count - 1;
  const looks: Look[] = [];
  let all = HAS_ALL;
  for (const [at, word] of words.entries()) {
    // Of the other words those that are quick to find keep the look from finding too much; the sums without `HAS_ALL` are dropped.
    const others = words
      .filter((other, place) => place !== at && other.loose.length === 0)
      .map((other) => quote(other.exact));
    const look = (condition: string, code: number): void => {
      looks.push({ match: [`(${condition})`, ...others].join(' AND '), code });
    };
    const itself = quote(word.exact);
    const classesTo = (place: number): string =>
      `{${search.classes
        .slice(0, place + 1)
        .map((_, index) => termsOf(index))
        .join(' ')}}`;
    let from = exact(last);
    if (word.loose.length > 0) {
      for (let place = last - 1; place >= 0; place--)
        look(`${itself} OR ${classesTo(place)} : (${anyOf(word.loose)})`, loose(place) - loose(place + 1));
      look(itself, exact(last) - loose(0));
      from = loose(last);
    }
    for (let place = last - 1; place >= 0; place--)
      look(`${classesTo(place)} : ${itself}`, exact(place) - exact(place + 1));
    all += from;
  }
  return [{ match: words.map((word) => `(${anyForm(word)})`).join(' AND '), code: all }, ...looks];
}

function hitSource(plan: PlannedSearch): HitSource {
  const { search } = plan;
  const terms = sql.table(search.terms);
  const looks = looksOf(plan).map(
    ({ code }, place) =>
      sql`SELECT rowid AS id, ${sql.lit(code)} AS code FROM ${terms} WHERE ${sql.ref(search.terms)} MATCH ${param(`m${place}`)}`,
  );
  const worths = search.classes.flatMap((_, place) => {
    const worth = sql.ref(`t.${worthOf(place)}`);
    const number = (shift: number) => sql`((m.code >> ${sql.lit(BITS * shift)}) & ${sql.lit(2 ** BITS - 1)})`;
    return [sql`${number(place)} * (${worth} / 2)`, sql`${number(search.classes.length + place)} * ${worth}`];
  });
  return {
    from: sql`(SELECT id, sum(code) AS code FROM (${sql.join(looks, sql` UNION ALL `)}) GROUP BY id
      HAVING sum(code) >= ${sql.lit(HAS_ALL)}) AS m CROSS JOIN ${sql.table(search.records)} AS t ON t.record = m.id`,
    score: sql`(${sql.join(worths, sql` + `)})`,
    conditions: [],
    elements: (list) => sql`CROSS JOIN json_each(${list}) AS v`,
  };
}

function matchValues(plan: PlannedSearch): Bindings {
  return Object.fromEntries(looksOf(plan).map(({ match }, place) => [`m${place}`, match]));
}

/** Terms hold letters, digits and marks: no quote can end one early. */
function quote(term: string): string {
  return `"${term}"`;
}

function anyOf(loose: readonly LooseTerm[]): string {
  return loose.map(({ term, isPrefix }) => (isPrefix ? `${quote(term)} *` : quote(term))).join(' OR ');
}

function anyForm({ exact, loose }: QueryWord): string {
  return loose.length === 0 ? quote(exact) : `${quote(exact)} OR ${anyOf(loose)}`;
}

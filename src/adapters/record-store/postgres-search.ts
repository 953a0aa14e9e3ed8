import { sql } from 'kysely';
import type { SearchPage, SearchQuery, SimilarQuery, SimilarWords } from '../../ports/record-search.ts';
import { type QueryWord, similarWords, wordsOfQuery } from '../../ports/search-terms.ts';
import { toleranceOf, trigramsOf } from '../../shared/resemblance.ts';
import type { PgRow } from './postgres-driver.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import { lexeme, SEPARATOR, worthOf } from './postgres-search-writer.ts';
import { createPgStatementCache, type PgStatement, postgresDialect } from './postgres-statement.ts';
import { type HitSource, type PlannedSearch, planSearch, selectSearch, toSearchPage } from './sql-search.ts';
import { type Bindings, type Fragment, param } from './sql-statement.ts';

type Run = (statement: PgStatement, values: Bindings) => Promise<readonly PgRow[]>;

/** Each search is one statement, and so of one moment. `run` says where. */
export interface PgSearcher {
  search(run: Run, query: SearchQuery, time: number): Promise<SearchPage>;
  similarWords(run: Run, query: SimilarQuery): Promise<SimilarWords>;
  /** The statement of such a search. */
  explain(query: SearchQuery): readonly string[];
}

/** Searches texts by tsvectors, whose labels say in which class a term stands. */
export function createPgSearcher(layouts: PgLayouts): PgSearcher {
  const statements = createPgStatementCache();

  function statementOf(plan: PlannedSearch, asked: SearchQuery): PgStatement {
    return statements.get(plan.shape, () => selectSearch(postgresDialect, plan, hitSource(plan), asked));
  }

  return {
    async search(run, asked, time) {
      const plan = planSearch(layouts.index(asked.collection, asked.index), asked, time);
      if (plan === null) return toSearchPage([], asked);
      const rows = await run(statementOf(plan, asked), { ...plan.values, ...queryValues(plan) });
      return toSearchPage(rows, asked);
    },
    async similarWords(run, { collection, index, text }) {
      const { search } = layouts.index(collection, index);
      if (search === null) return [];
      const asked = wordsOfQuery(text).filter((word) => toleranceOf(word) > 0);
      if (asked.length === 0) return similarWords(text, () => []);
      const statement = statements.get(
        `similar ${search.words}`,
        () => sql`SELECT u.word, w.word
          FROM unnest(${param('words')}::text[], ${param('trigrams')}::text[], ${param('shortest')}::bigint[], ${param('longest')}::bigint[])
            AS u (word, trigrams, shortest, longest)
          JOIN ${sql.table(search.words)} AS w
            ON w.trigrams && string_to_array(u.trigrams, ${sql.lit(SEPARATOR)}) AND w.size BETWEEN u.shortest AND u.longest`,
      );
      const rows = await run(statement, {
        words: asked,
        trigrams: asked.map((word) => trigramsOf(word).join(SEPARATOR)),
        shortest: asked.map((word) => word.length - toleranceOf(word)),
        longest: asked.map((word) => word.length + toleranceOf(word)),
      });
      const candidates = Map.groupBy(rows, ([word]) => String(word));
      return similarWords(text, (word) => (candidates.get(word) ?? []).map(([, other]) => String(other)));
    },
    explain(asked) {
      const plan = planSearch(layouts.index(asked.collection, asked.index), asked, 0);
      return plan === null ? [] : [statementOf(plan, asked).text];
    },
  };
}

/** One question to a record's terms: whether it has the word itself, or one of its loose terms, in a class. */
interface Question {
  readonly name: string;
  readonly query: string;
  /** What the word is worth where the answer is yes and those before were no. */
  readonly worth: Fragment;
}

/** The word itself from the heaviest class down, then what only begins like it or resembles it. The last needs no asking: the record is a hit. */
function questionsOf({ words, search }: PlannedSearch): readonly (readonly Question[])[] {
  const places = search.classes.map((_, place) => place);
  return words.map((word, at) => [
    ...places.map((place) => ({
      name: `w${at}e${place}`,
      query: lexeme(word.exact, false, place),
      worth: sql.ref(`t.${worthOf(place)}`),
    })),
    ...(word.loose.length === 0 ? [] : places).map((place) => ({
      name: `w${at}l${place}`,
      query: anyOf(word, place),
      worth: sql`${sql.ref(`t.${worthOf(place)}`)} / 2`,
    })),
  ]);
}

function hitSource(plan: PlannedSearch): HitSource {
  const worths = questionsOf(plan).map((questions) => {
    const last = questions.at(-1)?.worth ?? sql`0`;
    if (questions.length < 2) return last;
    const cases = questions
      .slice(0, -1)
      .map(({ name, worth }) => sql`WHEN t.terms @@ ${param(name)}::tsquery THEN ${worth} `);
    return sql`CASE ${sql.join(cases, sql``)}ELSE ${last} END`;
  });
  return {
    from: sql`${sql.table(plan.search.records)} AS t`,
    score: sql`(${sql.join(worths, sql` + `)})`,
    conditions: [sql`t.terms @@ ${param('all')}::tsquery`],
    elements: (list) => sql`CROSS JOIN LATERAL unnest(${list}) AS v (value)`,
  };
}

function queryValues(plan: PlannedSearch): Bindings {
  const all = plan.words.map((word) => {
    const itself = lexeme(word.exact, false, null);
    return word.loose.length === 0 ? itself : `(${itself} | ${anyOf(word, null)})`;
  });
  const questions = questionsOf(plan).flatMap((list) => list.slice(0, -1));
  return { all: all.join(' & '), ...Object.fromEntries(questions.map(({ name, query }) => [name, query])) };
}

function anyOf({ loose }: QueryWord, place: number | null): string {
  return loose.map(({ term, isPrefix }) => lexeme(term, isPrefix, place)).join(' | ');
}

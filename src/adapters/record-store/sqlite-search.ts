import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { SearchHit, SearchPage, SearchQuery, SimilarQuery, SimilarWords } from '../../ports/record-search.ts';
import { similarWords } from '../../ports/search-terms.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import type { IndexLayout } from './sql-layout.ts';
import { conditionsOf } from './sql-query.ts';
import { carriedBy, type PlannedSearch, planSearch, toSearchPage } from './sql-search.ts';
import { type Fragment, param, sequenceOf } from './sql-statement.ts';
import { createBestHits, createFacetCounter, type ScoredHit } from './sqlite-search-hits.ts';
import { type Look, looksOf, quote, scoreOf } from './sqlite-search-looks.ts';
import { worthOf } from './sqlite-search-writer.ts';
import { createStatementCache, type SqliteValue, sqliteDialect } from './sqlite-statement.ts';
import { createTransactor } from './sqlite-transaction.ts';

export interface SqliteSearcher {
  search(layout: IndexLayout, query: SearchQuery, time: number): SearchPage;
  similarWords(layout: IndexLayout, query: SimilarQuery): SimilarWords;
}

/**
 * Searches texts by FTS5, which finds. What the finds are worth, which hits are the best and how many have which value is found out here, as they come:
 * SQLite would write them to tables of its own, sort those, and take lists apart hit by hit, which takes twice as long.
 */
export function createSqliteSearcher(database: Database): SqliteSearcher {
  const statements = createStatementCache(database);
  const transactor = createTransactor(database);

  function searchNow(plan: PlannedSearch, asked: SearchQuery): SearchPage {
    const { sides } = plan.source.layout;
    const [first, ...others] = looksOf(plan);
    const codes = others.map((look) => createCodes(look.code, finds(plan, look)));
    const best = createBestHits(asked.limit + 1, asked.after);
    const facets = asked.facets.map((facet) => createFacetCounter(facet, sides.has(facet.column)));
    const worths = plan.search.classes.length;
    const statement = statements.get(plan.shape, () => selectHits(plan, asked));
    const rows = statement.rows({ ...plan.values, match: first.match });
    const impacts: number[] = [];
    for (const row of rows) {
      const record = Number(row[0]);
      let code = first.code;
      for (const more of codes) code += more(record);
      for (let place = 0; place < worths; place++) impacts[place] = Number(row[2 + place]);
      best.add(record, String(row[1]), scoreOf(code, impacts));
      for (let place = 0; place < facets.length; place++) facets[place]!.add(String(row[2 + worths + place]));
    }
    return {
      hits: best.hits.slice(0, asked.limit).map(withRecord),
      more: best.hits.length > asked.limit,
      total: asked.wantsTotal ? rows.length : null,
      facets: Object.fromEntries(asked.facets.map(({ column }, place) => [column, facets[place]!.counts()])),
    };
  }

  /** Numbers of the records that a look finds, ascending. */
  function finds({ search }: PlannedSearch, { match }: Look): readonly SqliteValue[] {
    return statements.get(`look ${search.terms}`, () => selectFinds(search.terms)).column({ match });
  }

  function withRecord({ record, key, score }: ScoredHit): SearchHit {
    const [value, version] = statements.get('record', selectRecord).row({ record }) ?? [];
    return { key, value: String(value), version: Number(version), score };
  }

  return {
    search(layout, asked, time) {
      const plan = planSearch(layout, asked, time);
      return plan === null ? toSearchPage([], asked) : transactor.read(() => searchNow(plan, asked));
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

/** The statements of such a search: what finds its hits, what looks at how they are found, what reads the best of them. */
export function explainSearch(layout: IndexLayout, asked: SearchQuery): readonly string[] {
  const plan = planSearch(layout, asked, 0);
  if (plan === null) return [];
  return [selectHits(plan, asked), selectFinds(plan.search.terms), selectRecord()].map(
    (statement) => sqliteDialect.compile(statement).sql,
  );
}

/** All hits by their numbers, ascending: number, key, what a find is worth by class, then what is counted. */
function selectHits({ source, search }: PlannedSearch, { facets }: SearchQuery): Fragment {
  const { layout, filters } = source;
  const worths = search.classes.map((_, place) => sql`, ${sql.ref(`t.${worthOf(place)}`)}`);
  const counted = facets.map(({ column }) => sql`, ${carriedBy(layout, column)}`);
  const hasFilters = filters.length > 0;
  const main = sqliteDialect.lookUp(sql.table(layout.table), 's', sql`s.record = t.record`);
  const conditions = hasFilters
    ? [...conditionsOf(sqliteDialect, source, { oneByOne: true })]
    : [sql`t.expires_at > ${param('now')}`];
  return sql`SELECT t.record, t.key${sequenceOf([...worths, ...counted])} FROM ${sql.table(search.terms)} AS m
    ${sqliteDialect.lookUp(sql.table(search.records), 't', sql`t.record = m.rowid`)} ${hasFilters ? main : sql``}
    WHERE ${sql.ref(search.terms)} MATCH ${param('match')} AND ${sql.join(conditions, sql` AND `)} ORDER BY m.rowid`;
}

function selectFinds(terms: string): Fragment {
  return sql`SELECT rowid FROM ${sql.table(terms)} WHERE ${sql.ref(terms)} MATCH ${param('match')} ORDER BY rowid`;
}

function selectRecord(): Fragment {
  return sql`SELECT value, version FROM records AS r WHERE r.id = ${param('record')}`;
}

/** What a look adds to the sums of records, asked for in the order of their numbers. */
function createCodes(code: number, found: readonly SqliteValue[]): (record: number) => number {
  let at = 0;
  return (record) => {
    while (at < found.length && Number(found[at]) < record) at++;
    return found[at] === record ? code : 0;
  };
}

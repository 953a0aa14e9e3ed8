import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { SearchHit, SearchPage, SearchQuery, SimilarQuery, SimilarWords } from '../../ports/record-search.ts';
import { similarWords } from '../../ports/search-terms.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import type { IndexLayout, SearchLayout } from './sql-layout.ts';
import { conditionsOf } from './sql-query.ts';
import { carriedBy, type PlannedSearch, planSearch, toSearchPage } from './sql-search.ts';
import { type Fragment, param, sequenceOf } from './sql-statement.ts';
import { createBestHits, createFacetCounter, type ScoredHit } from './sqlite-search-hits.ts';
import { type Look, looksOf, quote, scoreOf } from './sqlite-search-looks.ts';
import { WORD_BATCH, worthOf } from './sqlite-search-writer.ts';
import { createStatementCache, type SqliteValue, sqliteDialect } from './sqlite-statement.ts';
import { createTransactor } from './sqlite-transaction.ts';
import { codeOfText, selectWaiting } from './sqlite-waiting-texts.ts';

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
    const impacts: number[] = [];
    const add = (row: readonly SqliteValue[], record: number, code: number): void => {
      for (let place = 0; place < worths; place++) impacts[place] = Number(row[2 + place]);
      best.add(record, String(row[1]), scoreOf(code, impacts));
      for (let place = 0; place < facets.length; place++) facets[place]!.add(String(row[2 + worths + place]));
    };
    const statement = statements.get(plan.shape, () => selectHits(plan, asked));
    const rows = statement.rows({ ...plan.values, match: first.match });
    for (const row of rows) {
      const record = Number(row[0]);
      let code = first.code;
      for (const more of codes) code += more(record);
      add(row, record, code);
    }
    const waiting = waitingFinds(plan);
    const late = waiting.size === 0 ? [] : rowsOfWaiting(plan, asked, [...waiting.keys()]);
    for (const row of late) add(row, Number(row[0]), waiting.get(Number(row[0])) ?? 0);
    return {
      hits: best.hits.slice(0, asked.limit).map(withRecord),
      more: best.hits.length > asked.limit,
      total: asked.wantsTotal ? rows.length + late.length : null,
      facets: Object.fromEntries(asked.facets.map(({ column }, place) => [column, facets[place]!.counts()])),
    };
  }

  /** Numbers of the records that a look finds, ascending. */
  function finds({ search }: PlannedSearch, { match }: Look): readonly SqliteValue[] {
    return statements.get(`look ${search.terms}`, () => selectFinds(search.terms)).column({ match });
  }

  /** The records that the words find among those that FTS5 does not have yet, and their sums. */
  function waitingFinds({ search, words }: PlannedSearch): ReadonlyMap<number, number> {
    const found = new Map<number, number>();
    for (const [record, terms] of statements.get(`waiting ${search.waiting}`, () => selectWaiting(search)).rows({})) {
      const code = codeOfText(String(terms), words, search.classes.length);
      if (code !== null) found.set(Number(record), code);
    }
    return found;
  }

  function rowsOfWaiting(plan: PlannedSearch, asked: SearchQuery, records: readonly number[]) {
    const statement = statements.get(`${plan.shape} waiting`, () => selectWaitingHits(plan, asked));
    return statement.rows({ ...plan.values, records });
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
      const statement = statements.get(`similar ${search.words}`, () => selectSimilar(search));
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
  const { search } = plan;
  return [
    selectHits(plan, asked),
    selectFinds(search.terms),
    selectWaiting(search),
    selectWaitingHits(plan, asked),
    selectRecord(),
  ].map((statement) => sqliteDialect.compile(statement).sql);
}

/** Words that share a trigram, and those that have none yet. */
function selectSimilar({ trigrams, words }: SearchLayout): Fragment {
  const fits = sql`w.size BETWEEN ${param('shortest')} AND ${param('longest')}`;
  const table = sql.table(words);
  return sql`SELECT w.word FROM ${sql.table(trigrams)} AS g CROSS JOIN ${table} AS w ON w.id = g.rowid
      WHERE ${sql.ref(trigrams)} MATCH ${param('trigrams')} AND ${fits}
    UNION ALL SELECT w.word FROM ${table} AS w
      WHERE w.id > (SELECT max(id) - max(id) % ${sql.lit(WORD_BATCH)} FROM ${table}) AND ${fits}`;
}

/** All hits by their numbers, ascending: number, key, what a find is worth by class, then what is counted. */
function selectHits(plan: PlannedSearch, asked: SearchQuery): Fragment {
  const terms = plan.search.terms;
  const isFound = sql`${sql.ref(terms)} MATCH ${param('match')} AND `;
  return sql`${hitsAmong(plan, asked, sql.table(terms), sql`m.rowid`, isFound)} ORDER BY m.rowid`;
}

/** As `selectHits`, of the records in a list. */
function selectWaitingHits(plan: PlannedSearch, asked: SearchQuery): Fragment {
  return hitsAmong(plan, asked, sqliteDialect.elements(param('records')), sql`m.value`, sql``);
}

function hitsAmong(
  { source, search }: PlannedSearch,
  { facets }: SearchQuery,
  found: Fragment,
  record: Fragment,
  isFound: Fragment,
): Fragment {
  const { layout, filters } = source;
  const worths = search.classes.map((_, place) => sql`, ${sql.ref(`t.${worthOf(place)}`)}`);
  const counted = facets.map(({ column }) => sql`, ${carriedBy(layout, column)}`);
  const hasFilters = filters.length > 0;
  const main = sqliteDialect.lookUp(sql.table(layout.table), 's', sql`s.record = t.record`);
  const conditions = hasFilters
    ? [...conditionsOf(sqliteDialect, source, { oneByOne: true })]
    : [sql`t.expires_at > ${param('now')}`];
  return sql`SELECT t.record, t.key${sequenceOf([...worths, ...counted])} FROM ${found} AS m
    ${sqliteDialect.lookUp(sql.table(search.records), 't', sql`t.record = ${record}`)} ${hasFilters ? main : sql``}
    WHERE ${isFound}${sql.join(conditions, sql` AND `)}`;
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

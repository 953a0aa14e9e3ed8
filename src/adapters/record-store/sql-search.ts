import { sql } from 'kysely';
import type { FacetCount, SearchPage, SearchQuery } from '../../ports/record-search.ts';
import { decodeScalar } from '../../ports/scalar-text.ts';
import { type QueryWord, queryWords } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { IndexLayout, SearchLayout } from './sql-layout.ts';
import { recordsOf, tieAndKey } from './sql-page.ts';
import { conditionsOf, planQuery, type Source } from './sql-query.ts';
import { type Bindings, type Fragment, param, type SqlDialect, sequenceOf } from './sql-statement.ts';

/** A search's shape (which statement answers it) and its values (what is bound), without those of its words, which each database says its own way. */
export interface PlannedSearch {
  readonly shape: string;
  readonly values: Bindings;
  readonly search: SearchLayout;
  readonly source: Source;
  readonly words: readonly QueryWord[];
}

/** The hits before they are counted, sorted and cut, as one database finds them. */
export interface HitSource {
  /** Ends with the records' table of the search as `t`. */
  readonly from: Fragment;
  readonly score: Fragment;
  readonly conditions: readonly Fragment[];
  /** What `t` itself has in a column that values are counted of, and what makes rows `value` of it where it is a list; left out where `t` has none. */
  readonly carried?: (column: string) => Carried;
}

export interface Carried {
  readonly value: Fragment;
  /** Makes a table with one column of a list. */
  readonly rows: ((list: Fragment) => Fragment) | null;
}

/** Null where nothing can be found. `now` decides what has expired. */
export function planSearch(layout: IndexLayout, asked: SearchQuery, now: number): PlannedSearch | null {
  const words = queryWords(asked.text, asked.similar);
  // The main table stands beside the search's own, whatever the filters.
  const { shape, values, source } = planQuery(layout, asked.where, now, null, () => -1);
  if (words.length === 0 || source === null || layout.search === null) return null;
  const { after, limit, wantsTotal, facets } = asked;
  const kinds = words.map(({ loose }) => (loose.length > 0 ? '~' : '=')).join('');
  const limits = Object.fromEntries(facets.map((facet, place) => [`limit${place}`, facet.limit]));
  return {
    shape: `search ${shape} ${kinds} ${after === null ? '' : 'after'} ${wantsTotal ? 'total' : ''} ${facets.map(({ column }) => column).join()}`,
    // One row more tells whether there are more.
    values: {
      ...values,
      ...limits,
      collection: asked.collection,
      limit: limit + 1,
      afterScore: after?.score ?? 0,
      afterKey: after?.key ?? '',
    },
    search: layout.search,
    source,
    words,
  };
}

/** Rows of a statement come in parts, in any order: hits, the total, the values of each facet. */
const HIT = 0;
const TOTAL = 1;
const FIRST_FACET = 2;

/** One statement for all that is asked, so that it is of one moment: part, key or value, document, version, score or count. */
export function selectSearch(
  dialect: SqlDialect,
  { source }: PlannedSearch,
  hits: HitSource,
  asked: SearchQuery,
): Fragment {
  const { layout, filters } = source;
  const tie = sql.ref(dialect.tie);
  const main = dialect.lookUp(sql.table(layout.table), 's', sql`s.${tie} = t.${tie}`);
  const conditions =
    filters.length > 0 ? [...conditionsOf(dialect, source, { oneByOne: true })] : [sql`t.expires_at > ${param('now')}`];
  const carried = asked.facets.map(({ column }) => hits.carried?.(column) ?? null);
  const more = carried.flatMap((one, place) => (one === null ? [] : [sql`, ${one.value} AS ${facetOf(place)}`]));
  const all = sql`SELECT ${tieAndKey(dialect, 't')}, ${hits.score} AS score${sequenceOf(more)} FROM ${hits.from} ${filters.length > 0 ? main : sql``}
    WHERE ${sql.join([...hits.conditions, ...conditions], sql` AND `)}`;
  const counts = asked.wantsTotal || asked.facets.length > 0;
  const after = sql`WHERE h.score < ${param('afterScore')} OR (h.score = ${param('afterScore')} AND h.key > ${param('afterKey')})`;
  const best = sql`SELECT ${tieAndKey(dialect, 'h')}, h.score AS score FROM ${counts ? sql`hits` : sql`(${all})`} AS h ${asked.after === null ? sql`` : after}
    ORDER BY h.score DESC, h.key LIMIT ${param('limit')}`;
  const page = sql`SELECT ${sql.lit(HIT)} AS part, r.key, r.value, r.version, b.score FROM (${best}) AS b
    ${recordsOf(dialect, 'b')}`;
  if (!counts) return page;
  const total = sql` UNION ALL SELECT ${sql.lit(TOTAL)}, '', '', 0, count(*) FROM hits`;
  const facets = asked.facets.map(({ column }, place) => {
    const { value, from } = facetRows(dialect, layout, column, carried[place] ?? null, place);
    return sql` UNION ALL SELECT ${sql.lit(FIRST_FACET + place)}, f.value, '', 0, f.number FROM (
      SELECT ${value} AS value, count(*) AS number FROM ${from}
      GROUP BY ${value} ORDER BY count(*) DESC, ${value} LIMIT ${param(`limit${place}`)}) AS f`;
  });
  return sql`WITH hits AS MATERIALIZED (${all}) ${page}${asked.wantsTotal ? total : sql``}${sequenceOf(facets)}`;
}

/** The values of a column, one row for each that a hit has. */
function facetRows(
  dialect: SqlDialect,
  layout: IndexLayout,
  column: string,
  carried: Carried | null,
  place: number,
): { readonly value: Fragment; readonly from: Fragment } {
  if (carried !== null) {
    const own = sql`h.${facetOf(place)}`;
    if (carried.rows === null) return { value: own, from: sql`hits AS h` };
    return { value: sql`v.value`, from: sql`hits AS h CROSS JOIN LATERAL ${carried.rows(own)} AS v (value)` };
  }
  const tie = sql.ref(dialect.tie);
  const side = layout.sides.get(column);
  const value = side === undefined ? sql.ref(`v.${layout.columns.get(column) ?? ''}`) : sql`v.value`;
  const table = sql.table(side ?? layout.table);
  return { value, from: sql`hits AS h ${dialect.lookUp(table, 'v', sql`v.${tie} = h.${tie}`)}` };
}

const facetOf = (place: number): Fragment => sql.ref(`f${place}`);

type Row = readonly unknown[];

/** What the rows of `selectSearch` come to. */
export function toSearchPage(rows: readonly Row[], asked: SearchQuery): SearchPage {
  const parts = Map.groupBy(rows, ([part]) => Number(part));
  const hits = (parts.get(HIT) ?? []).map(([, key, value, version, score]) => ({
    key: String(key),
    value: String(value),
    version: Number(version),
    score: Number(score),
  }));
  hits.sort((a, b) => b.score - a.score || compareBytes(a.key, b.key));
  const facets = asked.facets.map(({ column }, place): [string, readonly FacetCount[]] => {
    const counted = (parts.get(FIRST_FACET + place) ?? []).map(([, value, , , count]) => ({
      text: String(value),
      count: Number(count),
    }));
    counted.sort((a, b) => b.count - a.count || compareBytes(a.text, b.text));
    return [column, counted.map(({ text, count }) => ({ value: decodeScalar(text), count }))];
  });
  return {
    hits: hits.slice(0, asked.limit),
    more: hits.length > asked.limit,
    total: asked.wantsTotal ? Number(parts.get(TOTAL)?.[0]?.[4] ?? 0) : null,
    facets: Object.fromEntries(facets),
  };
}

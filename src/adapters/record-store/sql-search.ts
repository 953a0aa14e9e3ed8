import { sql } from 'kysely';
import type { FacetCount, SearchPage, SearchQuery } from '../../ports/record-search.ts';
import { decodeScalar } from '../../ports/scalar-text.ts';
import { type QueryWord, queryWords } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import { type IndexLayout, listColumn, type SearchLayout } from './sql-layout.ts';
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
  /** What joins a list's values to its row, as `v` with a column `value`. */
  readonly elements: (list: Fragment) => Fragment;
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
  const more = asked.facets.map(({ column }, place) => sql`, ${carriedBy(layout, column)} AS ${facetOf(place)}`);
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
    const isList = layout.sides.has(column);
    const value = isList ? sql`v.value` : sql`h.${facetOf(place)}`;
    const from = isList ? sql`hits AS h ${hits.elements(sql`h.${facetOf(place)}`)}` : sql`hits AS h`;
    return sql` UNION ALL SELECT ${sql.lit(FIRST_FACET + place)}, f.value, '', 0, f.number FROM (
      SELECT ${value} AS value, count(*) AS number FROM ${from}
      GROUP BY ${value} ORDER BY count(*) DESC, ${value} LIMIT ${param(`limit${place}`)}) AS f`;
  });
  return sql`WITH hits AS MATERIALIZED (${all}) ${page}${asked.wantsTotal ? total : sql``}${sequenceOf(facets)}`;
}

/** What the records' table of a search has in a column of the index. */
export function carriedBy({ columns, sides }: IndexLayout, column: string): Fragment {
  const list = [...sides.keys()].indexOf(column);
  return sql.ref(`t.${list < 0 ? (columns.get(column) ?? '') : listColumn(list)}`);
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

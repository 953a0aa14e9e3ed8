import { sql } from 'kysely';
import type { SearchHit, SearchQuery } from '../../ports/record-search.ts';
import { compareBytes } from '../../shared/compare.ts';
import { FIRST_FACET, HIT, type HitSource, type PlannedSearch, selectHits, TOTAL } from './sql-search.ts';
import { type Bindings, type Fragment, param } from './sql-statement.ts';
import { type Statement, type StatementCache, sqliteDialect } from './sqlite-statement.ts';

type Row = readonly unknown[];
type Scored = Pick<SearchHit, 'key' | 'score'> & { readonly id: number };

/**
 * A search with facets, in several statements: all hits, the values of each facet, the records of the page. SQLite takes longer to
 * group many values than to look them up, so they are counted here; lists come as JSON, which costs less than rows.
 */
export interface FacetStatements {
  readonly hits: Statement;
  readonly facets: readonly Statement[];
  readonly records: Statement;
}

export function facetStatements(
  statements: StatementCache,
  plan: PlannedSearch,
  asked: SearchQuery,
  source: () => HitSource,
): FacetStatements {
  const { layout } = plan.source;
  return {
    hits: statements.get(
      `${plan.shape} apart`,
      () => sql`SELECT json_group_array(h.record), json_group_array(h.score), json_group_array(h.key)
        FROM (${selectHits(sqliteDialect, plan, source())}) AS h`,
    ),
    facets: asked.facets.map(({ column }) => {
      const side = layout.sides.get(column);
      const table = side ?? layout.table;
      const value = side === undefined ? (layout.columns.get(column) ?? '') : 'value';
      return statements.get(
        `facet ${table} ${value}`,
        () => sql`SELECT json_group_array(${sql.ref(`v.${value}`)}) FROM ${idsJoined(sql.table(table), 'v', 'record')}`,
      );
    }),
    records: statements.get(
      'records by number',
      () => sql`SELECT r.id, r.key, r.value, r.version FROM ${idsJoined(sql.table('records'), 'r', 'id')}`,
    ),
  };
}

/** The rows of `selectSearch`. The statements see one moment where the caller has a transaction open. */
export function rowsWithFacets(
  { hits, facets, records }: FacetStatements,
  values: Bindings,
  asked: SearchQuery,
): readonly Row[] {
  const [ids = [], scores = [], keys = []] = (hits.row(values) ?? []).map((list) => JSON.parse(String(list)));
  const all = JSON.stringify(ids);
  const page = best(ids, scores, keys, asked);
  const scoreOf = new Map(page.map(({ id, score }) => [id, score]));
  return [
    ...records
      .rows({ ids: page.map(({ id }) => id) })
      .map(([id, key, value, version]) => [HIT, key, value, version, scoreOf.get(Number(id))]),
    [TOTAL, '', '', 0, ids.length],
    ...facets.flatMap((statement, place) =>
      mostOf(JSON.parse(String(statement.row({ ids: all })?.[0])), asked.facets[place]?.limit ?? 0).map(
        ([value, count]) => [FIRST_FACET + place, value, '', 0, count],
      ),
    ),
  ];
}

function idsJoined(table: Fragment, name: string, number: string): Fragment {
  return sql`json_each(${param('ids')}) AS j ${sqliteDialect.lookUp(table, name, sql`${sql.ref(`${name}.${number}`)} = j.value`)}`;
}

/** The first hits after the cursor, one more than the page has. */
function best(
  ids: readonly number[],
  scores: readonly number[],
  keys: readonly string[],
  { after, limit }: SearchQuery,
): readonly Scored[] {
  const found: Scored[] = [];
  for (const [place, id] of ids.entries()) {
    const hit = { id, score: scores[place] ?? 0, key: keys[place] ?? '' };
    if (after !== null && order(hit, after) <= 0) continue;
    const last = found.at(-1);
    if (found.length > limit && last !== undefined && order(hit, last) >= 0) continue;
    const at = found.findIndex((other) => order(hit, other) < 0);
    found.splice(at < 0 ? found.length : at, 0, hit);
    if (found.length > limit + 1) found.pop();
  }
  return found;
}

function order(one: Pick<Scored, 'key' | 'score'>, other: Pick<Scored, 'key' | 'score'>): number {
  return other.score - one.score || compareBytes(one.key, other.key);
}

function mostOf(values: readonly string[], limit: number): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || compareBytes(a[0], b[0])).slice(0, limit);
}

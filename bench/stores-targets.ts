import { grouped, shown } from './report.ts';
import type { AdapterName } from './stores-places.ts';
import type { AdapterResult } from './stores-report.ts';
import type { RowKind } from './stores-rows.ts';

/** One promise, and whether the run kept it. */
export interface Verdict {
  readonly adapter: AdapterName;
  readonly holds: boolean;
  /** What was asked and what was measured. */
  readonly text: string;
}

/** Documents in the store for which the limits are. */
const AT = 100_000;
/** An indexed page may cost so many times more in the largest store than in the smallest. */
const MOST_GROWTH = 2;

/** Milliseconds that 95 of 100 answers stay below. */
const LIMITS: Readonly<Partial<Record<AdapterName, Readonly<Record<Asked, number>>>>> = {
  sqlite: { read: 5, query: 30, search: 50, write: 20 },
  postgres: { read: 10, query: 50, search: 100, write: 50 },
};

type Asked = 'read' | 'query' | 'search' | 'write';
/** Which limit a row has. How long it takes to count is said, and nothing is promised of it. */
const ASKED: Readonly<Record<RowKind, Asked | null>> = {
  read: 'read',
  page: 'query',
  sorted: 'query',
  count: null,
  search: 'search',
  facets: 'search',
  write: 'write',
  writes: 'write',
};

/** The promises that this run can say something about. The slowest row stands for all of its kind. */
export function verdictsOf(results: readonly AdapterResult[]): readonly Verdict[] {
  return results.flatMap((result) => [...latencies(result), ...growth(result)]);
}

function latencies({ adapter, rows }: AdapterResult): readonly Verdict[] {
  return Object.entries(LIMITS[adapter] ?? {}).flatMap(([asked, limitMs]) => {
    const measured = rows
      .filter(({ row }) => ASKED[row.kind] === asked)
      .flatMap(({ row, sizes }) => sizes.filter(({ size }) => size === AT).map(({ p95Ms }) => ({ row, p95Ms })))
      .toSorted((a, b) => b.p95Ms - a.p95Ms);
    // One row for each kind: what is slow about facets, or about many writers, does not hide the rest.
    return [...new Set(measured.map(({ row }) => row.kind))].flatMap((kind) => {
      const [slowest, ...others] = measured.filter(({ row }) => row.kind === kind);
      if (slowest === undefined) return [];
      const which = others.length > 0 ? `, the slowest of ${others.length + 1}` : '';
      return [
        {
          adapter,
          holds: slowest.p95Ms < limitMs,
          text: `${asked} p95 under ${limitMs} ms at ${grouped(AT)} documents: ${shown(slowest.p95Ms)} ms (${slowest.row.title}${which})`,
        },
      ];
    });
  });
}

function growth({ adapter, rows }: AdapterResult): readonly Verdict[] {
  const pages = rows.flatMap(({ row, sizes, growth }) =>
    row.kind === 'page' && growth !== null ? [{ row, factor: growth.median, sizes }] : [],
  );
  const most = pages.toSorted((a, b) => b.factor - a.factor)[0];
  if (most === undefined) return [];
  const [from, to] = [most.sizes[0]?.size ?? 0, most.sizes.at(-1)?.size ?? 0];
  return [
    {
      adapter,
      holds: most.factor < MOST_GROWTH,
      text: `an indexed page grows less than ${MOST_GROWTH} times from ${grouped(from)} to ${grouped(to)} documents: ${shown(most.factor)} times (${most.row.title}, the most of ${pages.length})`,
    },
  ];
}

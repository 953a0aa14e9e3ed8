import { grouped, shown } from './report.ts';
import type { Filling } from './stores.ts';
import type { RowResult } from './stores-measure.ts';
import type { AdapterName } from './stores-places.ts';
import type { Verdict } from './stores-targets.ts';

/** All that was measured of one adapter. */
export interface AdapterResult {
  readonly adapter: AdapterName;
  readonly description: string;
  /** When its measuring began, in ISO 8601: stores are measured one after the other, and one may be measured again by itself. */
  readonly at: string;
  /** Of the machine at that time, in the last 1, 5 and 15 minutes. */
  readonly load: string;
  readonly fillings: readonly Filling[];
  readonly rows: readonly RowResult[];
}

/** A run as it is kept: `bench/results/stores.json`. */
export interface StoresRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly adapters: readonly AdapterResult[];
}

/** The figures of one adapter as lines of cells; the first is the heading. */
export function cellsOf({ rows }: Pick<AdapterResult, 'rows'>): readonly (readonly string[])[] {
  const sizes = rows[0]?.sizes.map(({ size }) => size) ?? [];
  const heading = [
    'milliseconds, p50 / p95',
    ...sizes.map((size) => `${grouped(size)} documents`),
    'growth',
    'that fit',
  ];
  const lines = rows.map(({ row, sizes, growth }) => [
    row.title,
    ...sizes.map(({ p50Ms, p95Ms, perSecond }) => {
      const rate = perSecond === null ? '' : `, ${grouped(Math.round(perSecond))}/s`;
      return `${shown(p50Ms)} / ${shown(p95Ms)}${rate}`;
    }),
    growth === null ? '' : `${shown(growth.median)} (${shown(growth.lowest)}-${shown(growth.highest)})`,
    sizes.some(({ matches }) => matches !== null) ? sizes.map(({ matches }) => grouped(matches ?? 0)).join(', ') : '',
  ]);
  return [heading, ...lines];
}

/** How a store was filled, in a line. */
export function fillingText({ size, loadSeconds, indexSeconds }: Filling): string {
  const rate = (seconds: number) => grouped(Math.round(size / Math.max(seconds, 0.001)));
  return `${grouped(size)} documents loaded in ${shown(loadSeconds)} s (${rate(loadSeconds)}/s), indexed in ${shown(indexSeconds)} s (${rate(indexSeconds)}/s)`;
}

export function verdictText({ adapter, holds, text }: Verdict): string {
  return `${holds ? 'holds ' : 'MISSES'}  ${adapter}: ${text}`;
}

import type { Spread } from '../measure.ts';
import { grouped, shown } from '../report.ts';

/** What was measured of both servers. */
export interface NpmResult {
  readonly name: string;
  readonly title: string;
  readonly unit: 'req/s' | 'ms' | 'MiB';
  readonly first: number;
  readonly second: number;
  /** How many times better the first is: more requests, less time, less memory. */
  readonly ratio: Spread;
  /** What was asked of the ratio; null: nothing. */
  readonly atLeast: number | null;
}

/** A run as `--json` prints it. */
export interface NpmRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly subjects: readonly [string, string];
  readonly rows: readonly NpmResult[];
}

/** The rows as cells; the first line is the heading. */
export function cellsOf({ subjects, rows }: NpmRun): readonly (readonly string[])[] {
  const lines = rows.map(({ title, unit, first, second, ratio, atLeast }) => [
    title,
    unit,
    figure(first),
    figure(second),
    `${times(ratio.median)} (${shown(ratio.lowest)}-${shown(ratio.highest)})`,
    atLeast === null ? '' : `${holds(ratio, atLeast) ? 'holds' : 'MISSES'} ${times(atLeast)}`,
  ]);
  return [['', '', ...subjects, 'ratio (spread)', 'asked'], ...lines];
}

function holds(ratio: Spread, atLeast: number): boolean {
  return ratio.median >= atLeast;
}

const figure = (value: number) => (value >= 100 ? grouped(Math.round(value)) : shown(value));
const times = (value: number) => `${shown(value)} x`;

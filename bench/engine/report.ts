import type { Spread } from '../measure.ts';
import { shown } from '../report.ts';
import type { EngineResult } from './rows.ts';
import type { SizeResult, StartPhase } from './starts.ts';

/** A run as it is kept: `bench/results/engine.json`. Parts that were not asked for are empty. */
export interface EngineRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly rows: readonly EngineResult[];
  readonly sizes: readonly SizeResult[];
  readonly start: readonly StartPhase[];
  /** Sentences on what could not be measured. */
  readonly leftOut: readonly string[];
}

/** The rows of a part as cells; the first line is the heading. */
export function rowCells(run: EngineRun, part: EngineResult['part']): readonly (readonly string[])[] {
  const lines = run.rows
    .filter((row) => row.part === part)
    .map(({ title, subjects, first, second, ratio, clock, belowNs }) => [
      title,
      subjects[0],
      timed(first),
      subjects[1],
      timed(second),
      spreadText(ratio, ' x'),
      clock === 'cpu' ? 'processor' : 'wall',
      belowNs === null ? '' : `${first.median < belowNs ? 'holds' : 'MISSES'} < ${time(belowNs)}`,
    ]);
  return [['', '', 'takes (spread)', 'beside', 'takes (spread)', 'ratio (spread)', 'time', 'asked'], ...lines];
}

/** Definitions by their size. */
export function sizeCells({ sizes }: EngineRun): readonly (readonly string[])[] {
  const lines = sizes.map(({ routes, parsedMs, loadedMs, compiledMs, ratio, loadedBytes, compiledBytes }) => {
    const each = (ms: Spread) => `${spreadText(ms, '')}, ${shown(ms.median / routes)} each`;
    const kept = (bytes: number) => `${shown(bytes / 2 ** 20)} MiB, ${shown(bytes / 1024 / routes)} KiB each`;
    return [
      String(routes),
      spreadText(parsedMs, ''),
      each(loadedMs),
      each(compiledMs),
      spreadText(ratio, ' x'),
      kept(loadedBytes),
      kept(compiledBytes),
    ];
  });
  const heading = ['routes', 'JSON.parse alone, ms', 'loaded and checked, ms', 'compiled, ms', 'ratio (spread)'];
  return [[...heading, 'definition keeps', 'plan keeps'], ...lines];
}

/** Phases of the start. */
export function startCells({ start }: EngineRun): readonly (readonly string[])[] {
  const lines = start.map(({ name, cpuMs, wallMs }) => [name, spreadText(cpuMs, ''), spreadText(wallMs, '')]);
  return [['start', 'processor ms (spread)', 'wall ms (spread)'], ...lines];
}

function timed({ median, lowest, highest }: Spread): string {
  return `${time(median)} (${time(lowest)}-${time(highest)})`;
}

function spreadText({ median, lowest, highest }: Spread, unit: string): string {
  return `${shown(median)}${unit} (${shown(lowest)}-${shown(highest)})`;
}

/** Nanoseconds in the unit that reads best. */
function time(ns: number): string {
  if (ns < 1000) return `${shown(ns)} ns`;
  return ns < 1e6 ? `${shown(ns / 1000)} µs` : `${shown(ns / 1e6)} ms`;
}

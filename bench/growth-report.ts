import type { Filled } from './growth-data.ts';
import type { ConnectionMemory, UploadMemory } from './growth-memory.ts';
import type { Spread } from './measure.ts';
import { grouped, shown } from './report.ts';

/** A row in the registries of all sizes, by size, ascending. */
export interface GrowthResult {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly sizes: readonly GrowthFigure[];
  /** How many times longer a request took in the largest than in the smallest, by the medians of each round; null for one size. */
  readonly growth: Spread | null;
  /** The same of the processor time of a request; null also where the system does not say. */
  readonly processorGrowth: Spread | null;
}

/** Medians over the rounds. */
export interface GrowthFigure {
  readonly size: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One start of a registry until it answers, and what it has in memory then; medians over the rounds. */
export interface Starting {
  readonly size: number;
  readonly startMs: number;
  readonly residentMib: number | null;
}

/** A run as it is kept: `bench/results/growth.json`. What was not asked for is empty. */
export interface GrowthRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly fillings: readonly Filled[];
  readonly starts: readonly Starting[];
  readonly rows: readonly GrowthResult[];
  readonly connections: readonly ConnectionMemory[];
  readonly uploads: readonly UploadMemory[];
}

/** Requests and starts as cells; the first line is the heading. Empty where nothing of that was measured. */
export function growthCells({ fillings, starts, rows }: GrowthRun): readonly (readonly string[])[] {
  const lines = rows.map(({ title, connections, sizes, growth, processorGrowth }) => [
    `${title} (${connections})`,
    ...sizes.map(
      ({ requestsPerSecond, p50Ms, p99Ms }) =>
        `${grouped(Math.round(requestsPerSecond))}, ${shown(p50Ms)} / ${shown(p99Ms)}`,
    ),
    spreadOf(growth),
    spreadOf(processorGrowth),
  ]);
  const [first, last] = [starts[0], starts.at(-1)];
  if (first !== undefined && last !== undefined) {
    lines.push(
      [
        'start until the first answer, ms',
        ...starts.map(({ startMs }) => shown(startMs)),
        timesOf(first.startMs, last.startMs),
        '',
      ],
      [
        'resident memory when idle, MiB',
        ...starts.map(({ residentMib }) => (residentMib === null ? '?' : shown(residentMib))),
        timesOf(first.residentMib ?? 0, last.residentMib ?? 0),
        '',
      ],
    );
  }
  if (lines.length === 0) return [];
  return [
    ['req/s, p50 / p99 ms', ...fillings.map(({ size }) => `${grouped(size)} versions`), 'growth', 'of processor time'],
    ...lines,
  ];
}

function spreadOf(of: Spread | null): string {
  return of === null ? '' : `${shown(of.median)} (${shown(of.lowest)}-${shown(of.highest)})`;
}

function timesOf(first: number, last: number): string {
  return first === 0 ? '' : shown(last / first);
}

/** Memory of open connections and of uploads as cells; the first line is the heading. Empty where nothing of that was measured. */
export function memoryCells({ connections, uploads }: GrowthRun): readonly (readonly string[])[] {
  const lines = [
    ...connections.map(({ subject, connections: count, residentMib }) => {
      const idle = connections.find((one) => one.subject === subject && one.connections === 0)?.residentMib;
      return [
        subject,
        count === 0 ? 'no connection' : `${grouped(count)} idle connections`,
        shown(residentMib),
        each(residentMib, idle, count),
      ];
    }),
    ...uploads.map(({ subject, uploads: count, sentKibEach, residentMib }) => {
      const idle = uploads.find((one) => one.subject === subject && one.sentKibEach === 0)?.residentMib;
      return sentKibEach === 0
        ? [subject, 'no upload', shown(residentMib), '']
        : [
            subject,
            `${grouped(count)} uploads that stand still after ${grouped(sentKibEach)} KiB`,
            shown(residentMib),
            each(residentMib, idle, count),
          ];
    }),
  ];
  return lines.length === 0 ? [] : [['', '', 'resident MiB', 'KiB for each'], ...lines];
}

function each(mib: number, idleMib: number | undefined, count: number): string {
  return count === 0 || idleMib === undefined ? '' : shown(((mib - idleMib) * 1024) / count);
}

/** How a registry was filled, in a line. */
export function filledText({ size, blobs, loadSeconds, indexSeconds, blobSeconds }: Filled): string {
  return `${grouped(size)} versions loaded in ${shown(loadSeconds)} s, indexed in ${shown(indexSeconds)} s, ${grouped(blobs)} blobs written in ${shown(blobSeconds)} s`;
}

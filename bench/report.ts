import type { Case } from './cases.ts';
import type { Comparison, Spread, Summary } from './measure.ts';
import type { TransferResult, TransferRow } from './transfers.ts';

export interface Row {
  readonly case: Pick<Case, 'name' | 'title' | 'against'> & { readonly connections: number };
  readonly result: Comparison;
}

const COLUMNS = [
  '',
  '',
  'req/s',
  'p50 ms',
  'p99 ms',
  'server µs',
  'server',
  'generator',
  'ratio (spread)',
  'processor ratio',
];

/** A run as it is kept: `bench/results/routes.json`. */
export interface RoutesRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  /** Large bodies; runs of older versions have none. */
  readonly transfers?: readonly TransferRow[];
}

/** The rows as cells, two lines each, the second with the ratio of the first to it; the first line is the heading. */
export function cellsOf(rows: readonly Row[]): readonly (readonly string[])[] {
  const lines = rows.flatMap(({ case: measured, result }) => [
    [`${measured.title} (${measured.connections})`, ...figures(result.first), '', ''],
    [
      '',
      ...figures(result.second),
      percent(result.ratio),
      result.processorRatio === null ? '' : percent(result.processorRatio),
    ],
  ]);
  return [COLUMNS, ...lines];
}

const TRANSFER_COLUMNS = [
  '',
  '',
  'MiB/s',
  'p50 ms',
  'p99 ms',
  'server µs/MiB',
  'server',
  'generator',
  'MiB before',
  'MiB at most',
  'ratio (spread)',
  'processor ratio',
];

/** Rows of large bodies as cells, a line for each server, with the ratio of the first to it; the first line is the heading. */
export function transferCells(rows: readonly TransferRow[]): readonly (readonly string[])[] {
  const lines = rows.flatMap(({ transfer, results }) =>
    results.map((result, place) => [
      place === 0 ? `${transfer.title} (${transfer.connections})` : '',
      ...transferFigures(result),
    ]),
  );
  return [TRANSFER_COLUMNS, ...lines];
}

function transferFigures(result: TransferResult): string[] {
  return [
    result.subject,
    shown(result.mibPerSecond),
    result.p50Ms.toFixed(1),
    result.p99Ms.toFixed(1),
    result.serverUs === null ? '?' : Math.round(result.serverUs).toString(),
    result.serverLoad === null ? '?' : share(result.serverLoad),
    generator(result),
    result.residentMib === null ? '?' : Math.round(result.residentMib).toString(),
    result.peakMib === null ? '?' : Math.round(result.peakMib).toString(),
    result.ratio === null ? '' : percent(result.ratio),
    result.processorRatio === null ? '' : percent(result.processorRatio),
  ];
}

/** Where the generator has more to do than the server, the figure is what the generator can: the server could do more. */
function generator({
  serverLoad,
  generatorLoad,
}: {
  readonly serverLoad: number | null;
  readonly generatorLoad: number;
}): string {
  const isLimit = generatorLoad >= NEARLY_ALL && (serverLoad === null || serverLoad < generatorLoad);
  return `${share(generatorLoad)}${isLimit ? ', the limit' : ''}`;
}

const NEARLY_ALL = 0.9;

/** Cells as a table for a terminal; all columns but the first `texts` are figures. */
export function textTable(lines: readonly (readonly string[])[], texts: number): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column < texts ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function figures(summary: Summary): string[] {
  return [
    summary.subject,
    Math.round(summary.requestsPerSecond).toLocaleString('en').replaceAll(',', ' '),
    summary.p50Ms.toFixed(2),
    summary.p99Ms.toFixed(2),
    summary.serverUs === null ? '?' : summary.serverUs.toFixed(1),
    summary.serverLoad === null ? '?' : share(summary.serverLoad),
    generator(summary),
  ];
}

function percent({ median, lowest, highest }: Spread): string {
  return `${share(median)} (${share(lowest)}-${share(highest)})`;
}

function share(value: number): string {
  return `${Math.round(value * 100)}%`;
}

/** Figures are kept with as many digits as mean something: for `JSON.stringify`. */
export function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(3)) : value;
}

/** Three digits that say something. */
export function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** Digits in groups of three. */
export function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

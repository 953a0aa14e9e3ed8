import type { Case } from './cases.ts';
import type { Comparison, Spread, Summary } from './measure.ts';

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

/** The rows as a table for a terminal: two lines each, the second with the ratio of the first to it. */
export function table(rows: readonly Row[]): string {
  const lines = [COLUMNS];
  for (const { case: measured, result } of rows) {
    const title = `${measured.title} (${measured.connections})`;
    lines.push([title, ...figures(result.first), '', '']);
    lines.push([
      '',
      ...figures(result.second),
      percent(result.ratio),
      result.processorRatio === null ? '' : percent(result.processorRatio),
    ]);
  }
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  '),
    )
    .map((line) => line.trimEnd())
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
    share(summary.generatorLoad),
  ];
}

function percent({ median, lowest, highest }: Spread): string {
  return `${share(median)} (${share(lowest)}-${share(highest)})`;
}

function share(value: number): string {
  return `${Math.round(value * 100)}%`;
}

import { grouped, textTable } from '../report.ts';
import type { GuardFigures, GuardRun } from './measure.ts';

/** What was accepted: `bench/results/guard.json`. */
export interface GuardBaseline {
  /** Its version: another one allocates otherwise. */
  readonly node: string;
  readonly rows: GuardRun;
}

/** One figure that is not what was accepted. */
export interface GuardDifference {
  readonly row: string;
  readonly figure: string;
  /** Null: it was, or is, not there. */
  readonly accepted: number | null;
  readonly measured: number | null;
}

/** Shares by which a figure may differ. The same sources come within 0.3 % in bytes, and on a busy disk within 1 % in promises. */
const TOLERANCES = { bytes: 0.05, promises: 0.02, ticks: 0.02 } as const;

/** Figures that are worse, or better, than what was accepted; none where all is as it was. Calls of stores are compared exactly. */
export function differencesOf(accepted: GuardRun, measured: GuardRun): readonly GuardDifference[] {
  const rows = new Set([...Object.keys(accepted), ...Object.keys(measured)]);
  return [...rows].flatMap((row) => {
    const [before, after] = [figuresOf(accepted[row]), figuresOf(measured[row])];
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((figure) => {
      const difference = {
        row,
        figure,
        accepted: before.get(figure) ?? null,
        measured: after.get(figure) ?? null,
      };
      return isWithin(difference) ? [] : [difference];
    });
  });
}

function figuresOf(figures: GuardFigures | undefined): ReadonlyMap<string, number> {
  if (figures === undefined) return new Map();
  const { calls, ...rest } = figures;
  return new Map([...Object.entries(rest), ...Object.entries(calls)]);
}

function isWithin({ figure, accepted, measured }: GuardDifference): boolean {
  if (accepted === null || measured === null) return false;
  const tolerance = figure in TOLERANCES ? TOLERANCES[figure as keyof typeof TOLERANCES] : 0;
  return Math.abs(measured - accepted) <= accepted * tolerance;
}

/** What grew and what shrank, as a table for a terminal, and what to do about it. */
export function differencesText(differences: readonly GuardDifference[]): string {
  const show = (value: number | null) => (value === null ? 'none' : grouped(value));
  const lines = differences.map(({ row, figure, accepted, measured }) => [
    row,
    figure,
    show(accepted),
    show(measured),
    accepted === null || measured === null || accepted === 0 ? '' : change(measured / accepted),
  ]);
  const worse = differences.some(({ accepted, measured }) => (measured ?? 0) > (accepted ?? 0));
  return [
    'What one request takes is not what bench/results/guard.json says:',
    textTable([['request', 'figure', 'accepted', 'now', ''], ...lines], 2),
    worse
      ? 'Where it takes more for a good reason, accept it, and say the reason in the commit: npm run bench -- --guard --update'
      : 'It takes less: keep that by accepting it: npm run bench -- --guard --update',
  ].join('\n\n');
}

function change(factor: number): string {
  return `${factor > 1 ? '+' : ''}${((factor - 1) * 100).toFixed(1)} %`;
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grouped, textTable } from '../report.ts';
import { differencesOf, differencesText, type GuardBaseline } from './compare.ts';
import { type GuardRun, measureGuard } from './measure.ts';

const BASELINE = join(import.meta.dirname, '../results/guard.json');

/** Null where nothing was accepted so far. */
export function readBaseline(): GuardBaseline | null {
  return existsSync(BASELINE) ? JSON.parse(readFileSync(BASELINE, 'utf8')) : null;
}

/** Counts what requests take, says what differs from what was accepted, or accepts it. Sets the exit code to 1 where something differs. */
export async function benchGuard({
  update,
  json,
}: {
  readonly update: boolean;
  readonly json: boolean;
}): Promise<void> {
  const rows = await measureGuard();
  const { node } = process.versions;
  const measured: GuardBaseline = { node, rows };
  if (update) writeFileSync(BASELINE, `${JSON.stringify(measured, null, 2)}\n`);
  console.log(json ? JSON.stringify(measured, null, 1) : textTable(cellsOf(rows), 1));
  const accepted = readBaseline();
  if (accepted === null || accepted.node !== node) {
    console.error(`Nothing was accepted yet for Node ${node}: --update accepts this`);
    process.exitCode = 1;
    return;
  }
  const differences = differencesOf(accepted.rows, rows);
  if (differences.length === 0) return;
  console.error(`\n${differencesText(differences)}`);
  process.exitCode = 1;
}

/** The figures as lines of cells; the first is the heading. */
function cellsOf(rows: GuardRun): readonly (readonly string[])[] {
  const lines = Object.entries(rows).map(([name, { bytes, promises, ticks, calls }]) => [
    name,
    grouped(bytes),
    String(promises),
    String(ticks),
    Object.entries(calls)
      .map(([call, count]) => (count === 1 ? call : `${count} ${call}`))
      .join(', '),
  ]);
  return [['one request', 'bytes', 'promises', 'ticks', 'calls of stores'], ...lines];
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from '../cores.ts';
import { rounded, textTable } from '../report.ts';
import { openFloor } from './floor-rows.ts';
import { openPipelines } from './pipelines.ts';
import { type EngineRun, rowCells, sizeCells, startCells } from './report.ts';
import type { EngineResult, EngineRow } from './rows.ts';
import { measureSizes, measureStart } from './starts.ts';
import { STEP_PIPELINES, stepRows } from './step-rows.ts';
import { TRANSACTION_PIPELINES, transactionRows } from './transaction-rows.ts';
import { compareWork, type WorkEffort } from './work.ts';

export interface EngineOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Parts, or names of rows in a part; none: all. */
  readonly only: readonly string[];
}

/** What `--only` understands here. */
export const ENGINE_PARTS = ['steps', 'transactions', 'sizes', 'start', 'floor'] as const;
type Part = (typeof ENGINE_PARTS)[number];

const THOROUGH = { effort: { rounds: 9, stretchMs: 40 }, starts: 4 };
const QUICK = { effort: { rounds: 3, stretchMs: 15 }, starts: 1 };

/** Measures what the engine itself takes, in this process and in starts of its own, and what no server goes below. */
export async function benchEngine({ quick, json, only }: EngineOptions): Promise<void> {
  const { effort, starts } = quick ? QUICK : THOROUGH;
  const wanted = (part: Part) => only.length === 0 || only.includes(part);
  const machine = {
    ...describeMachine(null),
    rounds: `${effort.rounds} of ${effort.stretchMs} ms for each; ${starts} starts`,
    load: loadavg()
      .map((load) => load.toFixed(1))
      .join(', '),
  };
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-'));
  const inside = (name: string) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  try {
    const rows: EngineResult[] = [];
    const leftOut: string[] = [];
    if (wanted('steps')) {
      const pipelines = await openPipelines(STEP_PIPELINES, inside('steps'), true);
      await measureRows(stepRows(pipelines), effort, rows);
      await pipelines.close();
    }
    for (const kind of wanted('transactions') ? ['memory', 'SQLite'] : []) {
      const pipelines = await openPipelines(TRANSACTION_PIPELINES, inside(kind), kind === 'memory');
      await measureRows(await transactionRows(pipelines, kind), effort, rows);
      await pipelines.close();
    }
    const sizes = wanted('sizes') ? await measureSizes(folder, starts) : [];
    const start = wanted('start') ? await measureStart(folder, starts) : [];
    if (wanted('floor')) {
      const floor = await openFloor(inside('floor'));
      leftOut.push(...floor.leftOut);
      await measureRows(floor.rows, effort, rows);
      await floor.close();
    }
    print({ machine, rows, sizes, start, leftOut }, json);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function measureRows(rows: readonly EngineRow[], effort: WorkEffort, into: EngineResult[]): Promise<void> {
  for (const { name, title, part, first, second, clock = 'cpu', of = 1, belowNs = null } of rows) {
    process.stderr.write(`  ${name}`.padEnd(40).concat('\r'));
    const all = await compareWork(first, second, clock, effort);
    const each = ({ median, lowest, highest }: (typeof all)['first']) => ({
      median: median / of,
      lowest: lowest / of,
      highest: highest / of,
    });
    const figures = { first: each(all.first), second: each(all.second), ratio: all.ratio };
    into.push({ name, title, part, subjects: [first.name, second.name], clock, belowNs, ...figures });
  }
}

function print(run: EngineRun, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(run, rounded, 1));
    return;
  }
  for (const [name, value] of Object.entries(run.machine)) console.log(`${name.padEnd(8)} ${value}`);
  const tables = [rowCells(run, 'engine'), sizeCells(run), startCells(run), rowCells(run, 'floor')];
  for (const table of tables) if (table.length > 1) console.log(`\n${textTable(table, 1)}`);
  for (const sentence of run.leftOut) console.log(`\n${sentence}`);
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeDefinition } from '../../bench/engine/definitions.ts';
import { openPipelines, type Pipelines } from '../../bench/engine/pipelines.ts';
import { rowCells } from '../../bench/engine/report.ts';
import type { EngineRow } from '../../bench/engine/rows.ts';
import { STEP_PIPELINES, stepRows } from '../../bench/engine/step-rows.ts';
import { TRANSACTION_PIPELINES, transactionRows } from '../../bench/engine/transaction-rows.ts';
import { compareWork, repeated, seen } from '../../bench/engine/work.ts';
import { checkRegistry } from '../../src/main.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function opened(pipelines: Parameters<typeof openPipelines>[0], memory: boolean): Promise<Pipelines> {
  const open = await openPipelines(pipelines, temporaryFolder(), memory);
  onTestFinished(() => open.close());
  return open;
}

async function runOnce({ first, second }: EngineRow): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  for (const work of [first, second]) {
    if ('eachNs' in work) continue;
    await work.run(1);
    results.push(seen);
  }
  return results;
}

test('every pipeline that the bench measures answers, and what is beside it gives something, too', async () => {
  const rows = stepRows(await opened(STEP_PIPELINES, true));

  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const [first, second] = await runOnce(row);
    expect(first, row.name).toMatchObject({ status: 204 });
    expect(second ?? null, row.name).not.toBeNull();
  }
});

test.each(['memory', 'SQLite'])('transactions and the calls that they come down to commit (%s)', async (kind) => {
  const rows = await transactionRows(await opened(TRANSACTION_PIPELINES, kind === 'memory'), kind);

  for (const row of rows) expect(await runOnce(row), row.name).toMatchObject([{ status: 204 }, { ok: true }]);
});

test('the definitions whose loading is measured have no errors', async () => {
  const folder = join(temporaryFolder(), 'generated');
  mkdirSync(folder);

  const findings = await checkRegistry(writeDefinition(folder, 40));

  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
});

test('what takes longer is said to, as many times as it does', async () => {
  const spin = (rounds: number) => () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++) sum += Math.sqrt(round + sum);
    return sum;
  };
  const effort = { rounds: 3, stretchMs: 10 };

  const { ratio } = await compareWork(repeated('long', spin(20_000)), repeated('short', spin(1000)), 'cpu', effort);

  expect(ratio.median).toBeGreaterThan(5);
});

test('a row says whether it is as fast as is asked', () => {
  const spread = (ns: number) => ({ median: ns, lowest: ns / 2, highest: ns * 2 });
  const row = { name: 'set', title: 'set', part: 'engine', subjects: ['engine', 'by hand'], clock: 'cpu' } as const;
  const figures = { first: spread(150), second: spread(10), ratio: spread(15) };
  const rows = [
    { ...row, ...figures, belowNs: 200 },
    { ...row, ...figures, belowNs: 100 },
    { ...row, ...figures, part: 'floor', belowNs: null } as const,
  ];
  const run = { machine: {}, rows, sizes: [], start: [], leftOut: [] };

  expect(rowCells(run, 'engine').map((cells) => cells.at(-1))).toEqual(['asked', 'holds < 200 ns', 'MISSES < 100 ns']);
  expect(rowCells(run, 'floor').map((cells) => cells.at(-1))).toEqual(['asked', '']);
});

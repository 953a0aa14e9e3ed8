import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireAgreement } from './agree.ts';
import { benchCases } from './cases.ts';
import { describeMachine } from './cores.ts';
import { compare, type Effort } from './measure.ts';
import { cellsOf, type RoutesRun, type Row, rounded, textTable } from './report.ts';
import type { RoutesOptions } from './routes.ts';
import { type Seed, seed } from './seed.ts';
import { type Subject, startRegistry } from './subjects.ts';

/** Rows of the routes that are measured with workers. */
export const WORKER_NAMES: readonly string[] = ['latest', 'blob', 'publish'];
const WORKERS = 2;

interface Settings {
  readonly effort: Effort;
  readonly seed: Seed;
}

const THOROUGH: Settings = {
  effort: { rounds: 8, seconds: 1.5, warmUpRequests: 60_000 },
  seed: { packages: 100, versionsEach: 5 },
};
const QUICK: Settings = {
  effort: { rounds: 3, seconds: 0.75, warmUpRequests: 30_000 },
  seed: { packages: 20, versionsEach: 3 },
};

/**
 * Measures the registry with two workers beside the same registry with one, on all cores. The load generator has no core for itself: on
 * two cores it takes from the servers what it needs, from the one with two workers more, so that a ratio is less than the workers bring.
 */
export async function benchWorkers(options: RoutesOptions): Promise<void> {
  const { effort, seed: holds } = options.quick ? QUICK : THOROUGH;
  const { rounds, seconds } = effort;
  const wanted = options.only.length === 0 ? WORKER_NAMES : options.only;
  const cases = benchCases(holds).filter(({ name }) => wanted.includes(name));
  const machine = {
    ...describeMachine(null),
    cores: `${availableParallelism()}, for the servers and the load generator together`,
    rounds: `${rounds} of ${seconds} s for each server`,
    caching: options.caches ? 'on' : 'off',
  };
  if (!options.json) for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(8)} ${value}`);
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-'));
  const running: Subject[] = [];
  const start = async (workers: number): Promise<Subject> => {
    const subject = await startRegistry(join(folder, String(workers)), null, options.caches, { workers });
    running.push(subject);
    return { ...subject, name: workers === 1 ? '1 worker' : `${workers} workers` };
  };
  try {
    const [several, one] = [await start(WORKERS), await start(1)];
    for (const subject of [several, one]) await seed(subject, holds);
    const rows: Row[] = [];
    for (const { name, title, against, load } of cases) {
      if (!options.json) process.stderr.write(`  ${name}`);
      await requireAgreement(several, one, load);
      const result = await compare(several, one, load, effort);
      rows.push({ case: { name, title, against, connections: load.connections }, result });
    }
    const run: RoutesRun = { machine, rows };
    if (options.json) console.log(JSON.stringify(run, rounded, 1));
    else console.log(`\n\n${textTable(cellsOf(rows), 2)}`);
  } finally {
    for (const subject of running) await subject.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

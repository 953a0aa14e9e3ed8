import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchCases } from '../cases.ts';
import { describeMachine, divideCores } from '../cores.ts';
import { sample } from '../load.ts';
import { rounded, textTable } from '../report.ts';
import { seed } from '../seed.ts';
import { type Subject, startRegistry } from '../subjects.ts';
import { digestOf } from './digest.ts';
import { functionCells, layerCells, type ProfiledRoute, type ProfileRun } from './report.ts';

export interface ProfileOptions {
  readonly quick: boolean;
  readonly json: boolean;
  readonly caches: boolean;
  /** Names of routes; none: all. */
  readonly only: readonly string[];
}

/** What `--only` understands here: the hottest routes. */
export const PROFILED = ['latest', 'blob', 'metadata'];

const SEED = { packages: 100, versionsEach: 5 };
const FUNCTIONS = 25;
const WRITTEN_WITHIN_MS = 30_000;

/** Takes a profile of the server under each route's load, warm, and says where its time goes. */
export async function benchProfile({ quick, json, caches, only }: ProfileOptions): Promise<void> {
  const seconds = quick ? 1.5 : 5;
  const cores = divideCores();
  const machine = {
    ...describeMachine(cores),
    profile: `${seconds} s for each route, after ${seconds} s that do not count`,
    caching: caches ? 'on' : 'off',
  };
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-'));
  const agent = pathToFileURL(join(import.meta.dirname, 'agent.ts')).href;
  const env = { NODE_OPTIONS: `--import=${agent}`, PROFILE_FOLDER: folder };
  const server = await startRegistry(folder, cores, caches, { env });
  try {
    await seed(server, SEED);
    const routes: ProfiledRoute[] = [];
    for (const { name, title, load } of benchCases(SEED)) {
      if (!PROFILED.includes(name) || (only.length > 0 && !only.includes(name))) continue;
      process.stderr.write(`  ${name}\n`);
      await sample(server, load, seconds);
      toggle(server);
      const { requestsPerSecond } = await sample(server, load, seconds);
      toggle(server);
      const profile = await profileAt(join(folder, `${routes.length + 1}.cpuprofile`));
      routes.push({ name, title, requestsPerSecond, ...digestOf(profile, FUNCTIONS) });
    }
    print({ machine, routes }, json);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Begins a profile, or ends it. */
function toggle({ pid }: Subject): void {
  process.kill(pid, 'SIGUSR2');
}

async function profileAt(path: string): Promise<Profiler.Profile> {
  const deadline = performance.now() + WRITTEN_WITHIN_MS;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error('The server left no profile');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return JSON.parse(readFileSync(path, 'utf8'));
}

function print(run: ProfileRun, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(run, rounded, 1));
    return;
  }
  console.log(textTable(layerCells(run), 1));
  for (const route of run.routes) console.log(`\n${route.title}\n${textTable(functionCells(route), 1)}`);
}

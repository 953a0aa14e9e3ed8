import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from '../../packaging/bundle.ts';
import { runProgram } from '../../test/support/run-program.ts';
import { type Spread, spread } from '../measure.ts';
import { buildPackage } from '../npm/built.ts';
import { writeDefinition } from './definitions.ts';
import type { Phase } from './probe.ts';

const PROJECT = join(import.meta.dirname, '../..');
const SIZES = [10, 100, 1000];

/** A definition of so many routes: milliseconds of processor time, in a process that did nothing before. */
export interface SizeResult {
  readonly routes: number;
  /** Its files, read by `JSON.parse` and no more. */
  readonly parsedMs: Spread;
  readonly loadedMs: Spread;
  readonly compiledMs: Spread;
  /** How many times longer loading and compiling take than parsing alone. */
  readonly ratio: Spread;
  /** What the checked definition, and the plan beside it, keep in use. */
  readonly loadedBytes: number;
  readonly compiledBytes: number;
}

/** A phase of the default registry's start, in milliseconds. */
export interface StartPhase {
  readonly name: string;
  readonly cpuMs: Spread;
  readonly wallMs: Spread;
}

/** Loads, checks and compiles definitions of 10, 100 and 1000 routes, in turn with parsing them. */
export async function measureSizes(folder: string, rounds: number): Promise<readonly SizeResult[]> {
  const results: SizeResult[] = [];
  for (const routes of SIZES) {
    const definition = writeDefinition(join(folder, `routes-${routes}`), routes);
    const parsed: number[] = [];
    const both: Readonly<Record<'loaded' | 'compiled' | 'definition' | 'plan', Phase>>[] = [];
    for (let round = 0; round < rounds; round++) {
      parsed.push(cpuOf(await probe('parsed', SOURCES, definition, ''), 'parsed'));
      const phases = await probe('compile', SOURCES, definition, '', ['--expose-gc', '--no-flush-bytecode']);
      both.push({
        loaded: phaseOf(phases, 'definition'),
        compiled: phaseOf(phases, 'compiled'),
        definition: phaseOf(phases, 'second definition'),
        plan: phaseOf(phases, 'second plan'),
      });
    }
    results.push({
      routes,
      parsedMs: spread(parsed),
      loadedMs: spread(both.map(({ loaded }) => loaded.cpuMs)),
      compiledMs: spread(both.map(({ compiled }) => compiled.cpuMs)),
      ratio: spread(both.map(({ loaded, compiled }, round) => (loaded.cpuMs + compiled.cpuMs) / (parsed[round] ?? 1))),
      loadedBytes: spread(both.map(({ definition }) => definition.heapBytes ?? 0)).median,
      compiledBytes: spread(both.map(({ plan }) => plan.heapBytes ?? 0)).median,
    });
  }
  return results;
}

/** Starts the default registry, as the package brings it and on a data folder that is there already, phase by phase. */
export async function measureStart(folder: string, rounds: number): Promise<readonly StartPhase[]> {
  const unpacked = join(folder, 'built');
  mkdirSync(unpacked);
  const root = dirname(dirname(await buildPackage(unpacked)));
  const program = join(root, 'dist-probe');
  await bundle(program, { probe: 'bench/engine/probe.ts' });
  const data = join(folder, 'started');
  // The first start makes the stores and hashes a password.
  await probe('start', program, root, data);
  const found = new Map<string, { readonly cpu: number[]; readonly wall: number[] }>();
  const note = (name: string, cpuMs: number, wallMs: number) => {
    const known = found.get(name) ?? { cpu: [], wall: [] };
    known.cpu.push(cpuMs);
    known.wall.push(wallMs);
    found.set(name, known);
  };
  for (let round = 0; round < rounds; round++) {
    const empty = await emptyStart();
    const started = await probe('start', program, root, data);
    const read = phaseOf(await probe('read', program, root, ''), 'read');
    const compiled = phaseOf(await probe('compile', program, root, ''), 'compiled');
    const whole = (name: string) => phaseOf(started, name);
    const less = (name: string, from: Phase, part: Phase) =>
      note(name, Math.max(0, from.cpuMs - part.cpuMs), Math.max(0, from.wallMs - part.wallMs));
    const took = (name: string, { cpuMs, wallMs }: Phase) => note(name, cpuMs, wallMs);
    took('Node itself', empty);
    took('modules loaded', whole('modules'));
    took('vocabulary read', whole('vocabulary'));
    took('definition read', read);
    less('definition put together and checked', whole('definition'), read);
    took('compiled', compiled);
    less('stores and users opened', whole('opened'), compiled);
    took('listening', whole('listening'));
    const sum = (of: (phase: Phase) => number) => [empty, ...started].reduce((total, phase) => total + of(phase), 0);
    note(
      'all of it',
      sum(({ cpuMs }) => cpuMs),
      sum(({ wallMs }) => wallMs),
    );
  }
  return [...found].map(([name, { cpu, wall }]) => ({ name, cpuMs: spread(cpu), wallMs: spread(wall) }));
}

/** The probe in the sources; `dist-probe` of a package has it as the package's own program is. */
const SOURCES = import.meta.dirname;

async function probe(
  mode: 'start' | 'parsed' | 'read' | 'compile',
  program: string,
  definition: string,
  data: string,
  flags: readonly string[] = [],
): Promise<readonly Phase[]> {
  const script = join(program, program === SOURCES ? 'probe.ts' : 'probe.js');
  const args = [...flags, script, mode, definition, data];
  // As the package's program has it: Node keeps what it compiled for the next start.
  const env = program === SOURCES ? process.env : { ...process.env, NODE_COMPILE_CACHE: join(program, 'cache') };
  const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: PROJECT, env });
  if (code !== 0) throw new Error(`A start to be measured ended with ${code}\n${stderr}`);
  return JSON.parse(stdout);
}

/** A program that does nothing, from where its process began. */
async function emptyStart(): Promise<Phase> {
  const script = 'console.log(JSON.stringify([performance.now(), process.cpuUsage()]))';
  const { stdout } = await runProgram(process.execPath, ['-e', script]);
  const [wallMs, { user, system }] = JSON.parse(stdout) as [number, NodeJS.CpuUsage];
  return { name: 'empty', wallMs, cpuMs: (user + system) / 1000, heapBytes: null };
}

function phaseOf(phases: readonly Phase[], name: string): Phase {
  const found = phases.find((phase) => phase.name === name);
  if (found === undefined) throw new Error(`There was no phase "${name}"`);
  return found;
}

function cpuOf(phases: readonly Phase[], name: string): number {
  return phaseOf(phases, name).cpuMs;
}

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cores, describeMachine, divideCores } from './cores.ts';
import { type Filled, fillRegistry, packagePath } from './growth-data.ts';
import {
  type ConnectionMemory,
  possibleConnections,
  type UploadMemory,
  whileConnected,
  whileUploading,
} from './growth-memory.ts';
import {
  filledText,
  type GrowthResult,
  type GrowthRun,
  growthCells,
  memoryCells,
  type Starting,
} from './growth-report.ts';
import { GROWTH_ROWS, type GrownSubject, type GrowthRow } from './growth-rows.ts';
import { type Sample, sample } from './load.ts';
import { median, type Spread, spread } from './measure.ts';
import { residentMib } from './memory.ts';
import { grouped, rounded, textTable } from './report.ts';
import { parseSizes } from './stores.ts';
import { PROJECT, type Subject, startFloor, startHandWritten, startRegistryOn, withoutCaches } from './subjects.ts';

export interface GrowthOptions {
  readonly caches: boolean;
  readonly quick: boolean;
  readonly json: boolean;
  /** Names of rows; none: all. */
  readonly only: readonly string[];
  /** Versions, separated by commas; null: what `quick` says. */
  readonly sizes: string | null;
}

interface Settings {
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: readonly number[];
  readonly uploads: number;
}

const THOROUGH: Settings = {
  sizes: [1000, 10_000, 100_000, 1_000_000],
  rounds: 3,
  seconds: 0.5,
  warmUpSeconds: 0.5,
  connections: [0, 1000, 5000],
  uploads: 64,
};
const QUICK: Settings = {
  sizes: [1000, 10_000],
  rounds: 2,
  seconds: 0.25,
  warmUpSeconds: 0.25,
  connections: [0, 500],
  uploads: 16,
};
const SENT_KIB = [64, 1024, 8192];
const MEMORY_ROUNDS = 3;
const WARM_UP_REQUESTS = 10_000;
/** After its first answer a server comes to rest. */
const REST_MS = 1000;

/** What `--only` understands here. */
export const GROWTH_NAMES: readonly string[] = [
  ...GROWTH_ROWS.map(({ name }) => name),
  'start',
  'connections',
  'uploads',
];

/** A data folder that was filled. */
interface Place {
  readonly size: number;
  readonly data: string;
}

/** Where the registries of a run are, and what is needed to start one. */
interface Ground {
  readonly folder: string;
  readonly registry: string;
  readonly password: string;
  readonly cores: Cores | null;
}

/** Measures how requests, the start and memory of the default registry grow with the versions that it holds, and memory with its connections. */
export async function benchGrowth(options: GrowthOptions): Promise<void> {
  const usual = options.quick ? QUICK : THOROUGH;
  const settings = options.sizes === null ? usual : { ...usual, sizes: parseSizes(options.sizes) };
  const isAsked = (name: string) => options.only.length === 0 || options.only.includes(name);
  const rows = GROWTH_ROWS.filter(({ name }) => isAsked(name));
  const connections = possibleConnections(settings.connections);
  const leftOut = settings.connections.filter((count) => !connections.includes(count));

  const cores = divideCores();
  const machine = {
    ...describeMachine(cores),
    rounds: `${settings.rounds} of ${settings.seconds} s for each size, ${MEMORY_ROUNDS} for memory`,
    caching: options.caches ? 'on' : 'off',
    ...(leftOut.length === 0
      ? null
      : { 'left out': `${leftOut.join(', ')} connections: a process may not have so many files open here` }),
  };
  if (!options.json) for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(8)} ${value}`);
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-'));
  const ground: Ground = {
    folder,
    registry: options.caches ? PROJECT : withoutCaches(join(folder, 'definition')),
    password: randomBytes(18).toString('base64url'),
    cores,
  };
  try {
    const wanted = rows.length > 0 || isAsked('start') ? settings.sizes : settings.sizes.slice(0, 1);
    const { places, fillings } = await fillAll(ground, wanted);
    const [smallest] = places;
    if (smallest === undefined) throw new Error('There is no size to measure');
    const run: GrowthRun = {
      machine,
      fillings,
      starts: isAsked('start') ? await measureStarts(ground, places, settings.rounds) : [],
      rows: rows.length === 0 ? [] : await measureRows(ground, places, rows, settings),
      connections: isAsked('connections') ? await measureConnections(ground, smallest, connections) : [],
      uploads: isAsked('uploads') ? await measureUploads(ground, smallest, settings.uploads) : [],
    };
    tell('');
    if (options.json) console.log(JSON.stringify(run, rounded, 1));
    else printRun(run);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function printRun(run: GrowthRun): void {
  for (const filling of run.fillings) console.log(filledText(filling));
  for (const [cells, texts] of [[growthCells(run), 1] as const, [memoryCells(run), 2] as const])
    if (cells.length > 0) console.log(`\n${textTable(cells, texts)}`);
}

function tell(text: string): void {
  process.stderr.write(`  ${text}`.padEnd(70).concat('\r'));
}

async function fillAll(
  { folder, registry }: Ground,
  sizes: readonly number[],
): Promise<{ readonly places: readonly Place[]; readonly fillings: readonly Filled[] }> {
  const places: Place[] = [];
  const fillings: Filled[] = [];
  for (const size of sizes) {
    const data = join(folder, `of-${size}`);
    fillings.push(await fillRegistry(registry, data, size, tell));
    places.push({ size, data });
  }
  return { places, fillings };
}

function start({ registry, password, cores }: Ground, { data }: Place): Promise<Subject> {
  return startRegistryOn(registry, data, password, cores);
}

/** Starts each in turn, so that none is always the first. The first start of each, in which it makes its administrator, does not count. */
async function measureStarts(ground: Ground, places: readonly Place[], rounds: number): Promise<readonly Starting[]> {
  const seen = places.map((place) => ({ place, startMs: [] as number[], resident: [] as (number | null)[] }));
  for (let round = -1; round < rounds; round++) {
    for (const { place, startMs, resident } of round % 2 === 0 ? seen : seen.toReversed()) {
      tell(`start with ${grouped(place.size)} versions`);
      const startedAt = performance.now();
      const subject = await start(ground, place);
      try {
        const tookMs = performance.now() - startedAt;
        await pause(REST_MS);
        if (round < 0) continue;
        startMs.push(tookMs);
        resident.push(residentMib(subject.pid));
      } finally {
        await subject.stop();
      }
    }
  }
  return seen.map(({ place, startMs, resident }) => {
    const known = resident.filter((mib) => mib !== null);
    return { size: place.size, startMs: median(startMs), residentMib: known.length === 0 ? null : median(known) };
  });
}

async function measureRows(
  ground: Ground,
  places: readonly Place[],
  rows: readonly GrowthRow[],
  settings: Settings,
): Promise<readonly GrowthResult[]> {
  const running: GrownSubject[] = [];
  try {
    for (const place of places) running.push({ subject: await start(ground, place), size: place.size });
    const results: GrowthResult[] = [];
    for (const row of rows) {
      tell(row.name);
      results.push(await measureRow(row, running, settings));
    }
    return results;
  } finally {
    for (const { subject } of running) await subject.stop();
  }
}

/** From the smallest to the largest and back again, so that a machine that changes its speed does so to all. */
async function measureRow(row: GrowthRow, running: readonly GrownSubject[], settings: Settings): Promise<GrowthResult> {
  const measured = [];
  for (const grown of running) measured.push({ ...grown, load: await row.load(grown), samples: [] as Sample[] });
  for (const { subject, load } of measured) await sample(subject, load, settings.warmUpSeconds);
  for (let round = 0; round < settings.rounds; round++) {
    for (const { subject, load, samples } of round % 2 === 0 ? measured : measured.toReversed())
      samples.push(await sample(subject, load, settings.seconds));
  }
  const [smallest, largest] = [measured[0], measured.at(-1)];
  const medians = (of: (one: Sample) => number, samples: readonly Sample[]) => median(samples.map(of));
  return {
    name: row.name,
    title: row.title,
    connections: smallest?.load.connections ?? 0,
    sizes: measured.map(({ size, samples }) => ({
      size,
      requestsPerSecond: medians((one) => one.requestsPerSecond, samples),
      p50Ms: medians((one) => one.p50Ms, samples),
      p99Ms: medians((one) => one.p99Ms, samples),
    })),
    growth: growthOf(smallest?.samples, largest?.samples, (one) => one.p50Ms),
    processorGrowth: growthOf(smallest?.samples, largest?.samples, (one) => one.serverUs),
  };
}

/** Null where there is one size only, or a figure is not known. */
function growthOf(
  smallest: readonly Sample[] | undefined,
  largest: readonly Sample[] | undefined,
  figure: (one: Sample) => number | null,
): Spread | null {
  if (smallest === undefined || largest === undefined || smallest === largest) return null;
  const times = largest.flatMap((one, round) => {
    const [of, to] = [figure(one), figure(smallest[round] ?? one)];
    return of === null || to === null ? [] : [of / to];
  });
  return times.length === largest.length ? spread(times) : null;
}

/** Beside a server that does nothing: what the runtime takes by itself for a connection. */
async function measureConnections(
  ground: Ground,
  place: Place,
  counts: readonly number[],
): Promise<readonly ConnectionMemory[]> {
  const path = `${packagePath(0)}/latest`;
  const starts = [() => start(ground, place), () => startFloor('node', ground.cores)];
  return measureMemory(
    starts,
    (subject) => whileConnected(subject, { path, counts, warmUpRequests: WARM_UP_REQUESTS }),
    (subject, place, residentMib) => ({
      subject,
      connections: counts[place] ?? 0,
      residentMib,
    }),
  );
}

/** Beside the server by hand. */
async function measureUploads(ground: Ground, place: Place, uploads: number): Promise<readonly UploadMemory[]> {
  const path = (upload: number) => `/v1/bench/slow/0.${upload}.0/any/blob`;
  const starts = [() => start(ground, place), () => startHandWritten(ground.folder, ground.cores)];
  return measureMemory(
    starts,
    (subject) => whileUploading(subject, { path, uploads, sentKib: SENT_KIB }),
    (subject, place, residentMib) => ({ subject, uploads, sentKibEach: [0, ...SENT_KIB][place] ?? 0, residentMib }),
  );
}

/** Each round has new servers, whose memory knows nothing of the rounds before. */
async function measureMemory<T>(
  starts: readonly (() => Promise<Subject>)[],
  measure: (subject: Subject) => Promise<readonly number[]>,
  toResult: (subject: string, place: number, residentMib: number) => T,
): Promise<readonly T[]> {
  const results: T[] = [];
  for (const startOne of starts) {
    const figures: (readonly number[])[] = [];
    let name = '';
    for (let round = 0; round < MEMORY_ROUNDS; round++) {
      const subject = await startOne();
      name = subject.name;
      tell(`memory of ${name}`);
      try {
        figures.push(await measure(subject));
      } finally {
        await subject.stop();
      }
    }
    for (const place of figures[0]?.keys() ?? [])
      results.push(toResult(name, place, median(figures.map((round) => round[place] ?? 0))));
  }
  return results;
}

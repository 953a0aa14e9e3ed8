import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NPM_SERVER, VERDACCIO } from '../../test/support/npm-servers.ts';
import { VERDACCIO_VERSION } from '../../test/support/verdaccio.ts';
import { describeMachine, divideCores } from '../cores.ts';
import { compare, type Effort, median, spread } from '../measure.ts';
import { grouped, rounded, textTable } from '../report.ts';
import { type Subject, withoutCaches } from '../subjects.ts';
import { requireSamePackage } from './agree.ts';
import { buildPackage } from './built.ts';
import { cellsOf, type NpmResult, type NpmRun } from './report.ts';
import {
  documentRows,
  entityTags,
  manyVersionsMs,
  type NpmRow,
  packageWith,
  publishRow,
  smallPackage,
  tarballRow,
} from './rows.ts';
import { type NpmPlace, placeOf, publish, startingMs, startNpm } from './subjects.ts';

export interface NpmOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Names of rows; none: all. */
  readonly only: readonly string[];
}

interface Settings {
  readonly effort: Effort;
  /** Packages with so many versions each. */
  readonly sizes: readonly number[];
  readonly smallPackages: number;
  /** Versions that are published into one package in one round, and in how many rounds. */
  readonly versionsInto: readonly { readonly versions: number; readonly rounds: number }[];
}

const THOROUGH: Settings = {
  effort: { rounds: 6, seconds: 1.5, warmUpRequests: 10_000 },
  sizes: [1, 100, 1000],
  smallPackages: 100,
  versionsInto: [
    { versions: 100, rounds: 6 },
    { versions: 1000, rounds: 2 },
  ],
};
const QUICK: Settings = {
  effort: { rounds: 2, seconds: 0.5, warmUpRequests: 1000 },
  sizes: [1, 100],
  smallPackages: 20,
  versionsInto: [{ versions: 20, rounds: 2 }],
};

const ROWS_BESIDES = ['tarball', 'tarball-cold', 'publish-1', 'publish-8', 'many-versions', 'memory', 'start'];
/** What `--only` understands here. */
export const NPM_NAMES: readonly string[] = [
  ...THOROUGH.sizes.flatMap((size) => documentRows(size, entityTags()).map(({ name }) => name)),
  ...ROWS_BESIDES,
];

/** Measures the registry beside Verdaccio: the same packages, published and read over HTTP, in one run and in turn. */
export async function benchNpm(options: NpmOptions): Promise<void> {
  if (NPM_SERVER.missing !== null) throw new Error(`${NPM_SERVER.name} cannot run: ${NPM_SERVER.missing} is not there`);
  const settings = options.quick ? QUICK : THOROUGH;
  const { rounds, seconds } = settings.effort;
  const cores = divideCores();
  const machine = {
    ...describeMachine(cores),
    rounds: `${rounds} of ${seconds} s for each server`,
    peer: `Verdaccio ${VERDACCIO_VERSION}, local storage, no uplinks, signed tokens, no log of requests`,
  };
  if (!options.json) for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(8)} ${value}`);
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-'));
  try {
    const places = [
      placeOf(NPM_SERVER, folder, 'first', cores, await buildPackage(folder)),
      placeOf(VERDACCIO, folder, 'second', cores),
    ] as const;
    const rows = await measureAll(places, settings, options, folder);
    const run: NpmRun = { machine, subjects: [places[0].kind.name, places[1].kind.name], rows };
    if (options.json) console.log(JSON.stringify(run, rounded, 1));
    else console.log(`\n\n${textTable(cellsOf(run), 2)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Places = readonly [NpmPlace, NpmPlace];
type Pair = readonly [Subject, Subject];

async function measureAll(
  places: Places,
  settings: Settings,
  options: NpmOptions,
  folder: string,
): Promise<readonly NpmResult[]> {
  const { effort } = settings;
  const asked = (name: string) => options.only.length === 0 || options.only.includes(name);
  const tell = (text: string) => void process.stderr.write(`  ${text}`.padEnd(60).concat('\r'));
  const tags = entityTags();
  const results: NpmResult[] = [];
  const measure = async (row: NpmRow, pair: Pair) => {
    if (!asked(row.name)) return;
    tell(row.name);
    results.push(ofRates(row, await compare(...pair, row.load, effort)));
  };

  await withPair(places, true, undefined, async (pair) => {
    for (const subject of pair) {
      await fill(subject, settings, tell);
      for (const size of settings.sizes) await tags.learn(subject, packageWith(size));
    }
    for (const size of settings.sizes) await requireSamePackage(pair, packageWith(size));
    for (const size of settings.sizes) for (const row of documentRows(size, tags)) await measure(row, pair);
    await measure(tarballRow(true, settings.smallPackages), pair);
    for (const connections of [1, 8]) await measure(publishRow(connections), pair);
    for (const { versions, rounds } of settings.versionsInto) {
      if (!asked('many-versions')) continue;
      const title = `${grouped(versions)} versions into one package`;
      tell(title);
      const of = (subject: Subject) => (round: number) => manyVersionsMs(subject, round, versions);
      const measured = await inTurn(of(pair[0]), of(pair[1]), rounds);
      results.push(ofTimes({ name: 'many-versions', title, atLeast: 4 }, measured));
    }
    if (asked('memory')) results.push(memory(pair));
  });

  if (asked('tarball-cold')) {
    const cold = withoutCaches(join(folder, 'definition'));
    await withPair(places, false, cold, (pair) => measure(tarballRow(false, settings.smallPackages), pair));
  }
  if (asked('start')) {
    tell('start');
    const of = (place: NpmPlace) => () => startingMs(place, packageWith(1));
    const measured = await inTurn(of(places[0]), of(places[1]), effort.rounds);
    results.push(ofTimes({ name: 'start', title: 'from start to the first packument', atLeast: 1 }, measured));
  }
  return results;
}

/** Starts both servers for a piece of work, on what they have kept; `registry` is the definition of ours. */
async function withPair(
  places: Places,
  isNew: boolean,
  registry: string | undefined,
  work: (pair: Pair) => Promise<void>,
): Promise<void> {
  const running: Subject[] = [];
  const start = async (place: NpmPlace) => {
    const subject = await startNpm(place, isNew, registry);
    running.push(subject);
    return subject;
  };
  try {
    await work([await start(places[0]), await start(places[1])]);
  } finally {
    for (const subject of running) await subject.stop();
  }
}

async function fill(subject: Subject, settings: Settings, tell: (text: string) => void): Promise<void> {
  for (const size of settings.sizes) {
    tell(`${subject.name} gets ${size} versions`);
    for (let version = 0; version < size; version++) await publish(subject, packageWith(size), `1.${version}.0`);
  }
  for (let index = 0; index < settings.smallPackages; index++) await publish(subject, smallPackage(index), '1.0.0');
}

type Times = readonly (readonly [number, number])[];

/** Measures two by a function of each, A B B A ..., for pairs of neighbours. */
async function inTurn(
  first: (round: number) => Promise<number>,
  second: (round: number) => Promise<number>,
  rounds: number,
): Promise<Times> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) pairs.push([await first(round), await second(round)]);
    else {
      const late = await second(round);
      pairs.push([await first(round), late]);
    }
  }
  return pairs;
}

function ofRates(
  { name, title, atLeast }: NpmRow,
  { first, second, ratio }: Awaited<ReturnType<typeof compare>>,
): NpmResult {
  return {
    name,
    title,
    unit: 'req/s',
    first: first.requestsPerSecond,
    second: second.requestsPerSecond,
    ratio,
    atLeast,
  };
}

function ofTimes(row: Pick<NpmResult, 'name' | 'title' | 'atLeast'>, times: Times): NpmResult {
  return {
    ...row,
    unit: 'ms',
    first: median(times.map(([first]) => first)),
    second: median(times.map(([, second]) => second)),
    ratio: spread(times.map(([first, second]) => second / first)),
  };
}

/** Resident memory, after all that. */
function memory(pair: Pair): NpmResult {
  const [first, second] = [residentMib(pair[0].pid), residentMib(pair[1].pid)];
  const ratio = spread([second / first]);
  return { name: 'memory', title: 'resident memory after the run', unit: 'MiB', first, second, ratio, atLeast: 1 };
}

function residentMib(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

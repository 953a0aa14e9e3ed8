import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireAgreement } from './agree.ts';
import { benchCases, blobFiles, type Case } from './cases.ts';
import { type Cores, describeMachine, divideCores } from './cores.ts';
import { fetchedFile, largeCases, publishFetched } from './large.ts';
import { compareStarts, type Effort, type Pair } from './measure.ts';
import { findNginx, startNginx } from './nginx.ts';
import { cellsOf, type RoutesRun, type Row, rounded, textTable, transferCells } from './report.ts';
import { type Seed, seed } from './seed.ts';
import { type Subject, startFloor, startHandWritten, startRegistry } from './subjects.ts';
import { measureTransfer, type TransferEffort, type TransferRow } from './transfers.ts';

export interface RoutesOptions {
  readonly caches: boolean;
  readonly quick: boolean;
  readonly json: boolean;
  /** Names of rows; none: all. */
  readonly only: readonly string[];
}

interface Settings {
  /** How many processes of the registry and of the server by hand are started; rounds go through them. */
  readonly starts: number;
  readonly effort: Effort;
  /** Of the rows that ask again with other numbers of connections. */
  readonly short: Effort;
  readonly large: TransferEffort;
  readonly seed: Seed;
}

const THOROUGH: Settings = {
  starts: 3,
  effort: { rounds: 9, seconds: 1.5, warmUpRequests: 60_000 },
  short: { rounds: 6, seconds: 1, warmUpRequests: 60_000 },
  large: { rounds: 4, seconds: 1.5, fewest: 3 },
  seed: { packages: 100, versionsEach: 5 },
};
const QUICK: Settings = {
  starts: 1,
  effort: { rounds: 3, seconds: 0.75, warmUpRequests: 30_000 },
  short: { rounds: 2, seconds: 0.5, warmUpRequests: 10_000 },
  large: { rounds: 2, seconds: 0.5, fewest: 1 },
  seed: { packages: 20, versionsEach: 3 },
};

/** What `--only` understands here. */
export const ROUTE_NAMES: readonly string[] = [
  ...benchCases(THOROUGH.seed).map(({ name }) => name),
  ...largeCases().map(({ transfer }) => transfer.name),
];

/** Servers under measurement, by what they are compared as. */
interface Subjects {
  readonly floors: Pair;
  /** The registry and the server by hand, as often as they were started; never empty. */
  readonly pairs: readonly Pair[];
  /** Null where it cannot be had. */
  readonly nginx: Subject | null;
}

/** Measures the default registry beside the same routes by hand, and beside what nothing goes below. */
export async function benchRoutes(options: RoutesOptions): Promise<void> {
  const settings = options.quick ? QUICK : THOROUGH;
  const isAsked = (name: string) => options.only.length === 0 || options.only.includes(name);
  const cases = benchCases(settings.seed).filter(({ name }) => isAsked(name));
  const large = largeCases().filter(({ transfer }) => isAsked(transfer.name));
  const wantsFiles = cases.some(({ against }) => against === 'nginx') || large.some(({ hasFiles }) => hasFiles);
  const nginx = wantsFiles ? await findNginx() : null;

  const cores = divideCores();
  const { effort, short } = settings;
  const machine = {
    ...describeMachine(cores),
    starts: `${settings.starts} of the registry and of the server by hand; rounds go through them`,
    rounds: `${effort.rounds} of ${effort.seconds} s for each server, ${short.rounds} of ${short.seconds} s where rows are asked again with other connections`,
    generator: `autocannon ${autocannonVersion()}; node:http for large bodies`,
    caching: options.caches ? 'on' : 'off',
    ...(nginx === null
      ? null
      : { nginx: nginx.program === null ? `left out: ${nginx.why}` : `${nginx.version}, one process, no log` }),
  };
  if (!options.json) for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(9)} ${value}`);
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-'));
  const running: Subject[] = [];
  try {
    const subjects = await startAll(running, folder, cores, options.caches, settings, nginx?.program ?? null);
    const tell = (name: string) => void process.stderr.write(`  ${name}`);
    const rows = await measureCases(cases, subjects, settings, tell);
    const transfers = await measureLarge(large, subjects, settings, tell);
    const run: RoutesRun = { machine, rows, transfers };
    if (options.json) return console.log(JSON.stringify(run, rounded, 1));
    console.log('\n');
    if (rows.length > 0) console.log(`${textTable(cellsOf(rows), 2)}\n`);
    if (transfers.length > 0) console.log(textTable(transferCells(transfers), 2));
  } finally {
    for (const subject of running) await subject.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whatever was started stands in `running`, also where something later fails. */
async function startAll(
  running: Subject[],
  folder: string,
  cores: Cores | null,
  caches: boolean,
  { starts, seed: holds }: Settings,
  nginx: string | null,
): Promise<Subjects> {
  const start = async (starting: Promise<Subject>) => {
    const subject = await starting;
    running.push(subject);
    return subject;
  };
  const floors = [await start(startFloor('hono', cores)), await start(startFloor('node', cores))] as const;
  const pairs: Pair[] = [];
  for (let number = 1; number <= starts; number++) {
    const own = join(folder, String(number));
    pairs.push([await start(startRegistry(own, cores, caches)), await start(startHandWritten(own, cores))]);
  }
  for (const subject of pairs.flat()) await seed(subject, holds);
  if (nginx === null) return { floors, pairs, nginx: null };
  const files = [...blobFiles(holds), fetchedFile()];
  return { floors, pairs, nginx: await start(startNginx(nginx, join(folder, 'nginx'), files, cores)) };
}

async function measureCases(
  cases: readonly Case[],
  { floors, pairs, nginx }: Subjects,
  settings: Settings,
  tell: (name: string) => void,
): Promise<readonly Row[]> {
  const against: Readonly<Record<Case['against'], readonly Pair[]>> = {
    pair: pairs,
    floor: [floors],
    nginx: nginx === null ? [] : [[pairs[0]![0], nginx]],
  };
  const rows: Row[] = [];
  /** What a server has been warmed up for: other numbers of connections run the same code. */
  const warm = new Set<unknown>();
  for (const entry of cases) {
    const compared = against[entry.against];
    if (compared.length === 0) continue;
    tell(entry.name);
    const isWarm = warm.has(entry.load.requests);
    // Both publish the same sequence, but by now one of them has come further in it.
    if (!isWarm || entry.load.method === 'GET')
      for (const [first, second] of compared) await requireAgreement(first, second, entry.load);
    const effort = entry.isShort ? settings.short : settings.effort;
    const warmUpRequests = isWarm ? 0 : effort.warmUpRequests;
    warm.add(entry.load.requests);
    const { name, title, load } = entry;
    const result = await compareStarts(compared, load, { ...effort, warmUpRequests });
    rows.push({ case: { name, title, against: entry.against, connections: load.connections }, result });
  }
  return rows;
}

async function measureLarge(
  large: ReturnType<typeof largeCases>,
  { floors, pairs, nginx }: Subjects,
  settings: Settings,
  tell: (name: string) => void,
): Promise<readonly TransferRow[]> {
  const rows: TransferRow[] = [];
  const pair = pairs[0]!;
  if (large.some(({ hasFiles }) => hasFiles)) for (const subject of pair) await publishFetched(subject);
  for (const { transfer, hasFiles } of large) {
    tell(transfer.name);
    const subjects = [...pair, ...(hasFiles && nginx !== null ? [nginx] : []), floors[1]];
    rows.push(await measureTransfer(transfer, subjects, settings.large));
  }
  return rows;
}

function autocannonVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(
    readFileSync(createRequire(import.meta.url).resolve('autocannon/package.json'), 'utf8'),
  );
  return version;
}

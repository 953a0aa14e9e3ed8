import { parseArgs } from 'node:util';
import { benchEngine, ENGINE_PARTS } from './engine/run.ts';
import { benchGrowth, GROWTH_NAMES } from './growth.ts';
import { benchGuard } from './guard/run.ts';
import { benchNpm, NPM_NAMES } from './npm/run.ts';
import { renderPage } from './page.ts';
import { benchProfile, PROFILED } from './profile/run.ts';
import { benchRoutes, ROUTE_NAMES } from './routes.ts';
import { benchStores, STORE_NAMES } from './stores.ts';
import { benchWorkers, WORKER_NAMES } from './workers.ts';

const HELP = `Usage: npm run bench -- [options]
       npm run bench -- --stores [options]
       npm run bench -- --growth [options]
       npm run bench -- --npm [options]
       npm run bench -- --engine [options]
       npm run bench -- --profile [options]
       npm run bench -- --guard [--update]
       npm run bench -- --workers [options]

Measures the default registry against the same routes written by hand, on the same
stores, both in one run and in turn (A B B A ...). A ratio is the median over the
rounds of neighbours' requests per second; "processor ratio" compares the processor
time of a request, which other programs on the machine hardly disturb. The number
after a title is how many connections there are. Any error ends the run.

Both look up, read and make each answer; the registry's caching sections are off. With
--caches they are on, as they are in service: what they bring, but not like for like.

Options:
  --caches     with the registry's caching sections on
  --quick      few and short rounds: a look, not a figure to quote
  --only NAME  one row (several times for several): NAMES
  --json       the figures as JSON
  --render     measures nothing: puts the runs in bench/results into docs/performance.md
  -h, --help   show this text

With --stores: the record stores by themselves, filled with 1000, 100 000 and 1 000 000
documents: what a read, a page, a count, a search and a commit take (p50, p95) and how
many times longer in the largest store than in the smallest, and which of the targets
hold. PostgreSQL is a server of the bench's own. Takes three quarters of an hour.

  --sizes N,N  other numbers of documents
  --quick      1000 and 10 000 documents, in a minute
  --only NAME  one adapter or row (several times for several):
               STORE_NAMES

With --growth: the registry with 1000 to 1 000 000 versions, filled as a restore fills one:
requests, pages of lists, a publish, the start and the memory of an idle server at each
size, and what open connections and uploads that stand still take. Takes ten minutes.

  --sizes N,N  other numbers of versions
  --caches     with the registry's caching sections on
  --quick      1000 and 10 000 versions, in a minute
  --only NAME  one row (several times for several):
               GROWTH_NAMES

With --npm: the npm pack beside Verdaccio, which is installed through npm's registry into
this user's cache the first time. The same packages, with 1, 100 and 1000 versions, are
published to both and read from both. Shows how many times better this registry is, and
which of the targets hold.

  --quick      1 and 100 versions, in two minutes
  --only NAME  one row (several times for several):
               NPM_NAMES

With --workers: the registry with two workers beside the same registry with one, on all
cores, which the load generator shares: on two cores the ratio is less than what a second
core brings.

  --caches, --quick  as above
  --only NAME        one row (several times for several): WORKER_NAMES

With --engine: what the engine itself takes, in one process and beside the same by hand:
steps, templates, conditions, expressions, an entity, transactions; how long definitions
of 10, 100 and 1000 routes take to load, check and compile, and the default registry to
start; and what no server goes below: the statement, the file, the hash, the disk.

  --only PART  ENGINE_PARTS

With --profile: where the server's time goes, by layer and by function, on the hottest
routes, under load from outside.

  --only NAME  PROFILED

With --guard: what one request takes in bytes allocated, promises, ticks and calls of
stores, on a batch that is always the same, and whether that is what was last accepted,
as npm test asks, too. These do not depend on the machine's speed, or on who else is
running.

  --update     accepts what is measured: writes bench/results/guard.json`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stores: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      npm: { type: 'boolean', default: false },
      engine: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      guard: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      workers: { type: 'boolean', default: false },
      sizes: { type: 'string' },
      caches: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      render: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.render) return renderPage();
  if (values.guard) return benchGuard(values);
  if (values.help)
    return console.log(
      HELP.replace(' NAMES', `\n               ${folded(ROUTE_NAMES)}`)
        .replace('STORE_NAMES', folded(STORE_NAMES))
        .replace('GROWTH_NAMES', folded(GROWTH_NAMES))
        .replace('NPM_NAMES', folded(NPM_NAMES))
        .replace('ENGINE_PARTS', ENGINE_PARTS.join(', '))
        .replace('PROFILED', PROFILED.join(', '))
        .replace('WORKER_NAMES', WORKER_NAMES.join(', ')),
    );
  const known = namesFor(values);
  const unknown = values.only.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no row "${unknown}", only ${known.join(', ')}`);
  if (values.engine) return benchEngine(values);
  if (values.profile) return benchProfile(values);
  if (values.stores) return benchStores({ ...values, sizes: values.sizes ?? null });
  if (values.growth) return benchGrowth({ ...values, sizes: values.sizes ?? null });
  if (values.npm) return benchNpm(values);
  if (values.workers) return benchWorkers(values);
  return benchRoutes(values);
}

/** What `--only` may name. */
function namesFor(
  wanted: Readonly<Record<'stores' | 'growth' | 'npm' | 'workers' | 'engine' | 'profile', boolean>>,
): readonly string[] {
  if (wanted.engine) return ENGINE_PARTS;
  if (wanted.profile) return PROFILED;
  if (wanted.workers) return WORKER_NAMES;
  if (wanted.stores) return STORE_NAMES;
  if (wanted.growth) return GROWTH_NAMES;
  return wanted.npm ? NPM_NAMES : ROUTE_NAMES;
}

/** Names in lines that are not too long. */
function folded(all: readonly string[]): string {
  return all.join(', ').replace(/(.{50,64}),\s/g, `$1,\n${' '.repeat(15)}`);
}

await main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

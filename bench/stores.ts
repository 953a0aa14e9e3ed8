import { loadavg } from 'node:os';
import { describeMachine } from './cores.ts';
import { grouped, rounded, textTable } from './report.ts';
import { loadedDocument, projectDocument, SPEC } from './stores-documents.ts';
import { type FilledStore, measureRow, type StoreEffort } from './stores-measure.ts';
import { ADAPTERS, type AdapterName, openPlace, type StorePlace, whyNot } from './stores-places.ts';
import { type AdapterResult, cellsOf, fillingText, type StoresRun, verdictText } from './stores-report.ts';
import { STORE_ROWS, type StoreRow } from './stores-rows.ts';
import { verdictsOf } from './stores-targets.ts';

/** How long it took to fill one store. */
export interface Filling {
  readonly size: number;
  readonly loadSeconds: number;
  /** From `migrate` to its end: all records read, taken apart and written into the indexes. */
  readonly indexSeconds: number;
}

export interface StoresOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Names of rows and adapters; none: all. */
  readonly only: readonly string[];
  /** Documents, separated by commas; null: what `quick` says. */
  readonly sizes: string | null;
}

/** What `--only` understands here. */
export const STORE_NAMES: readonly string[] = [...ADAPTERS, ...STORE_ROWS.map(({ name }) => name)];

const THOROUGH = { effort: { rounds: 5, seconds: 0.5 }, sizes: [1000, 100_000, 1_000_000] };
const QUICK = { effort: { rounds: 2, seconds: 0.2 }, sizes: [1000, 10_000] };
const LOADED_AT_ONCE = 1000;
const LARGEST = 10_000_000;

/** Measures every record store by itself: what one call takes, and how that grows with what is stored. */
export async function benchStores(options: StoresOptions): Promise<void> {
  const { effort, sizes: usual } = options.quick ? QUICK : THOROUGH;
  const sizes = options.sizes === null ? usual : parseSizes(options.sizes);
  const adapters = chosen(ADAPTERS, options.only, (name) => name);
  const rows = chosen(STORE_ROWS, options.only, ({ name }) => name);
  const machine = {
    ...describeMachine(null),
    rounds: `${effort.rounds} of ${effort.seconds} s for each store`,
    load: currentLoad(),
  };
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  for (const [name, value] of Object.entries(machine)) say(`${name.padEnd(8)} ${value}`);

  const results: AdapterResult[] = [];
  for (const adapter of adapters) {
    const why = whyNot(adapter);
    if (why !== null) {
      say(`\n${adapter} is left out: ${why}`);
      continue;
    }
    const result = await benchAdapter(adapter, rows, sizes, effort);
    results.push(result);
    say(`\n\n${adapter}: ${result.description}`);
    for (const filling of result.fillings) say(fillingText(filling));
    say(`\n${textTable(cellsOf(result), 1)}`);
  }
  say(`\n${verdictsOf(results).map(verdictText).join('\n')}`);
  const run: StoresRun = { machine, adapters: results };
  if (options.json) console.log(JSON.stringify(run, rounded, 1));
}

/** What of a list is asked for: what is named, or everything where nothing of the list is. */
function chosen<T>(all: readonly T[], only: readonly string[], nameOf: (one: T) => string): readonly T[] {
  const named = all.filter((one) => only.includes(nameOf(one)));
  return named.length === 0 ? all : named;
}

/** Of `--sizes`; ascending, each once. Throws where one is no number that can be measured. */
export function parseSizes(text: string): readonly number[] {
  const sizes = text.split(',').map(Number);
  const wrong = sizes.find((size) => !Number.isInteger(size) || size < 1000 || size > LARGEST);
  if (wrong !== undefined) throw new Error(`--sizes takes whole numbers from 1000 to ${LARGEST}, separated by commas`);
  return [...new Set(sizes)].toSorted((a, b) => a - b);
}

function currentLoad(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(', ');
}

async function benchAdapter(
  adapter: AdapterName,
  rows: readonly StoreRow[],
  sizes: readonly number[],
  effort: StoreEffort,
): Promise<AdapterResult> {
  const at = new Date().toISOString();
  const load = currentLoad();
  const place = await openPlace(adapter);
  const stores: FilledStore[] = [];
  try {
    const fillings: Filling[] = [];
    for (const size of sizes) {
      const store = place.open(size);
      stores.push({ store, size });
      fillings.push(await fill(place, { store, size }, adapter));
    }
    const results = [];
    for (const row of rows) {
      process.stderr.write(`  ${adapter} ${row.name}`.padEnd(60));
      await place.warm();
      results.push(await measureRow(row, stores, effort));
      process.stderr.write('\r');
    }
    return {
      adapter,
      description: place.description,
      at,
      load,
      fillings,
      rows: results,
    };
  } finally {
    for (const { store } of stores) await store.close();
    await place.remove();
  }
}

async function fill(place: StorePlace, { store, size }: FilledStore, adapter: AdapterName): Promise<Filling> {
  const tell = (done: number, what: string) =>
    process.stderr.write(`  ${adapter} ${grouped(done)} of ${grouped(size)} ${what}`.padEnd(60).concat('\r'));
  const startedAt = performance.now();
  const load = await store.load({ origin: 'the bench', at: new Date().toISOString(), replace: false });
  for (let from = 0; from < size; from += LOADED_AT_ONCE) {
    const count = Math.min(LOADED_AT_ONCE, size - from);
    const puts = Array.from({ length: count }, (_, place) => loadedDocument(from + place));
    await load.write({ puts, deletes: [], events: [] });
    tell(from + count, 'loaded');
  }
  await load.finish(1);
  const loadedAt = performance.now();
  await store.migrate([SPEC], projectDocument, ({ done }) => tell(done, 'indexed'));
  const indexedAt = performance.now();
  await place.settle(size);
  return { size, loadSeconds: (loadedAt - startedAt) / 1000, indexSeconds: (indexedAt - loadedAt) / 1000 };
}

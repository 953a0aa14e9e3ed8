import type { RecordStore } from '../src/ports/record-store.ts';
import { quantile } from './load.ts';
import { median, type Spread, spread } from './measure.ts';
import { COLLECTION } from './stores-documents.ts';
import { commitOne, type ReadRow, type StoreRow, type WriteRow } from './stores-rows.ts';

/** How long and how often; a round has one stretch for each store. */
export interface StoreEffort {
  readonly rounds: number;
  readonly seconds: number;
}

/** A filled store. */
export interface FilledStore {
  readonly store: RecordStore;
  /** Documents that it was filled with. */
  readonly size: number;
}

export interface Measured {
  readonly size: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** How often. */
  readonly times: number;
  /** Records that fit the question, about; null where that says nothing. */
  readonly matches: number | null;
  /** Commits of all writers in a second; null where nothing is written. */
  readonly perSecond: number | null;
}

export interface RowResult {
  readonly row: Pick<StoreRow, 'name' | 'title' | 'kind'>;
  /** By size, ascending. */
  readonly sizes: readonly Measured[];
  /** How many times longer it took in the largest store than in the smallest, by the medians of each round; null for one size. */
  readonly growth: Spread | null;
}

interface Stretch {
  readonly latencies: readonly number[];
  readonly seconds: number;
}

/** However slow something is, a stretch has so many of it, unless they take longer than `LONGEST` stretches. */
const FEWEST = 8;
const LONGEST = 6;
/** Questions that are asked before any is timed: the first are planned, compiled and read from the disk. */
const WARM_UP = 20;
const SAMPLED_MATCHES = 5;
const CLEARED_AT_ONCE = 500;

/** Measures one row in all stores, smallest to largest and back again, so that a machine that changes its speed does so to all. */
export async function measureRow(
  row: StoreRow,
  stores: readonly FilledStore[],
  effort: StoreEffort,
): Promise<RowResult> {
  const measured = stores.map(({ store, size }) => ({
    store,
    size,
    stretches: [] as Stretch[],
    run: 'writers' in row ? writer(row, store, size) : reader(row, store, size),
  }));
  for (const { run } of measured) await run(effort.seconds / 4, 'writers' in row ? 1 : WARM_UP);
  for (let round = 0; round < effort.rounds; round++) {
    const inTurn = round % 2 === 0 ? measured : measured.toReversed();
    for (const { run, stretches } of inTurn) stretches.push(await run(effort.seconds, FEWEST));
  }
  const sizes: Measured[] = [];
  for (const { store, size, stretches } of measured) {
    const latencies = stretches.flatMap((stretch) => stretch.latencies).sort((a, b) => a - b);
    sizes.push({
      size,
      p50Ms: quantile(latencies, 0.5),
      p95Ms: quantile(latencies, 0.95),
      times: latencies.length,
      matches: 'writers' in row ? null : await matchesOf(row, store, size),
      perSecond:
        'writers' in row ? median(stretches.map(({ latencies, seconds }) => latencies.length / seconds)) : null,
    });
  }
  const [smallest, largest] = [measured[0], measured.at(-1)];
  const growth =
    smallest === undefined || largest === undefined || smallest === largest
      ? null
      : spread(largest.stretches.map((stretch, round) => middle(stretch) / middle(smallest.stretches[round])));
  return { row: { name: row.name, title: row.title, kind: row.kind }, sizes, growth };
}

function middle(stretch: Stretch | undefined): number {
  return median(stretch?.latencies ?? []);
}

async function matchesOf(row: ReadRow, store: RecordStore, size: number): Promise<number | null> {
  if (row.matches === null) return null;
  const found: number[] = [];
  for (let turn = 0; turn < SAMPLED_MATCHES; turn++) found.push(await row.matches(store, size, turn));
  return Math.round(median(found));
}

/** Asks for so many seconds. Fails when an answer is not what it must be. */
function reader(row: ReadRow, store: RecordStore, size: number): (seconds: number, fewest: number) => Promise<Stretch> {
  let turn = 0;
  return async (seconds, fewest) => {
    const latencies: number[] = [];
    const startedAt = performance.now();
    for (let spentMs = 0; isOn(spentMs, latencies.length, seconds, fewest); spentMs = performance.now() - startedAt) {
      const ask = row.ask(size, turn++ % row.things);
      const askedAt = performance.now();
      const answer = ask(store);
      const found = answer instanceof Promise ? await answer : answer;
      latencies.push(performance.now() - askedAt);
      if (found < row.least) throw new Error(`"${row.name}" of ${size} documents found ${found}`);
    }
    return { latencies, seconds: (performance.now() - startedAt) / 1000 };
  };
}

/** Commits for so many seconds, and takes out again what was committed, so that the store stays as large as it is called. */
function writer(
  row: WriteRow,
  store: RecordStore,
  size: number,
): (seconds: number, fewest: number) => Promise<Stretch> {
  let next = size;
  return async (seconds, fewest) => {
    const latencies: number[] = [];
    const keys: string[] = [];
    const startedAt = performance.now();
    const write = async () => {
      while (isOn(performance.now() - startedAt, latencies.length, seconds, fewest * row.writers)) {
        const number = next++;
        const askedAt = performance.now();
        const key = await commitOne(store, number);
        latencies.push(performance.now() - askedAt);
        keys.push(key);
      }
    };
    await Promise.all(Array.from({ length: row.writers }, write));
    const stretch = { latencies, seconds: (performance.now() - startedAt) / 1000 };
    await clear(store, keys);
    return stretch;
  };
}

function isOn(spentMs: number, done: number, seconds: number, fewest: number): boolean {
  const isLate = spentMs >= seconds * 1000;
  return !isLate || (done < fewest && spentMs < seconds * 1000 * LONGEST);
}

async function clear(store: RecordStore, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += CLEARED_AT_ONCE) {
    const deletes = keys.slice(from, from + CLEARED_AT_ONCE).map((key) => ({ collection: COLLECTION, key }));
    await store.commit({ id: `clear-${keys[from]}-${Date.now()}`, checks: [], puts: [], deletes, events: [] });
  }
}

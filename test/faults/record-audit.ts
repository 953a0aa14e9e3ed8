import type { RecordStore, StoredEvent, StoredRecord } from '../../src/ports/record-store.ts';
import type { Expected } from './ledger.ts';
import { allEvents, allRecords } from './read-all.ts';
import { COUNTER_NAMES, digestOfText, type PairPayload } from './record-pairs.ts';

export interface RecordReport {
  /** What should not be; empty when all is well. */
  readonly faults: readonly string[];
  /** Targets that are there, and those that are not and were not acknowledged either. */
  readonly present: number;
  readonly absent: number;
  readonly events: readonly StoredEvent[];
}

/**
 * Compares a store with the ledger of those who wrote pairs to it (see `PAIRS`), while nobody writes. `before` are the events that an
 * earlier look showed: what was shown stays.
 */
export async function auditRecords(
  store: RecordStore,
  ledger: ReadonlyMap<string, Expected>,
  before: readonly StoredEvent[] = [],
): Promise<RecordReport> {
  const faults: string[] = [];
  const complain = (what: string) => faults.push(what);
  const left = await mapOf(store, 'left');
  const right = await mapOf(store, 'right');
  const events: StoredEvent[] = [];
  for await (const event of allEvents(store)) events.push(event);
  const byTarget = new Map(events.map((event) => [event.id, event]));

  let absent = 0;
  for (const [target, { digest, acknowledged }] of ledger) {
    const parts = [left.get(target), right.get(target), byTarget.get(target)];
    const there = parts.filter((part) => part !== undefined);
    if (there.length === 0 && !acknowledged) absent += 1;
    else if (there.length === 0) complain(`${target} was acknowledged and is not there`);
    else if (there.length < parts.length) complain(`${target} is there in part: ${there.length} of ${parts.length}`);
    else if (new Set(there.map(({ version }) => version)).size > 1) complain(`${target} is of several commits`);
    for (const record of [left.get(target), right.get(target)]) {
      if (record !== undefined && digestOfText(record.value) !== digest) complain(`${target} has another value`);
    }
  }
  for (const key of new Set([...left.keys(), ...right.keys(), ...byTarget.keys()])) {
    if (!ledger.has(key)) complain(`${key} is there, and nobody meant to write it`);
  }
  judgeLog(events, before, complain);
  await judgeCounters(store, events, left, complain);
  return { faults, present: ledger.size - absent, absent, events };
}

type Complain = (what: string) => void;

/** The log stands in the order of the commits, each event once, and goes on where it was. */
function judgeLog(events: readonly StoredEvent[], before: readonly StoredEvent[], complain: Complain): void {
  let [position, version] = [0, 0];
  for (const event of events) {
    if (event.position <= position || event.version < version) complain(`Event ${event.position} is out of order`);
    [position, version] = [event.position, event.version];
  }
  if (new Set(events.map(({ id }) => id)).size < events.length) complain('An event is there twice');
  const changed = before.findIndex((event, at) => JSON.stringify(event) !== JSON.stringify(events[at]));
  if (changed !== -1) complain(`The log showed another event at its place ${changed} before`);
}

/** Each counter went up one by one in the order of the log, the index shows the same, and that is where it stands. */
async function judgeCounters(
  store: RecordStore,
  events: readonly StoredEvent[],
  left: ReadonlyMap<string, StoredRecord>,
  complain: Complain,
): Promise<void> {
  const counted = new Map<string, string[]>(COUNTER_NAMES.map((name) => [name, []]));
  for (const event of events) {
    const { counter, count, digest }: PairPayload = JSON.parse(event.payload);
    const targets = counted.get(counter) ?? [];
    targets.push(event.id);
    if (targets.length !== count) complain(`Event ${event.position} counts ${count} in place of ${targets.length}`);
    const record = left.get(event.id);
    if (record !== undefined && digestOfText(record.value) !== digest)
      complain(`${event.id} is not what its event says`);
  }
  for (const [counter, targets] of counted) {
    const stands = Number((await store.get('counters', counter))?.value ?? 0);
    if (stands !== targets.length)
      complain(`The counter ${counter} stands at ${stands}, and the log at ${targets.length}`);
    const indexed = await targetsInIndex(store, counter);
    if (indexed.join() !== targets.join()) complain(`The index of ${counter} does not show what the log does`);
  }
}

async function targetsInIndex(store: RecordStore, counter: string): Promise<readonly string[]> {
  const keys: string[] = [];
  const query = {
    collection: 'left',
    index: 'left.counted',
    where: [{ column: 'counter', op: 'eq', value: counter }],
    order: [{ column: 'count', descending: false }],
    limit: 1000,
  } as const;
  for (let after = null; ; ) {
    const page = await store.query({ ...query, after });
    keys.push(...page.records.map(({ key }) => key));
    const last = page.records.at(-1);
    if (!page.more || last === undefined) return keys;
    after = { values: last.position, key: last.key };
  }
}

async function mapOf(store: RecordStore, collection: string): Promise<ReadonlyMap<string, StoredRecord>> {
  const found = new Map<string, StoredRecord>();
  for await (const record of allRecords(store, collection)) found.set(record.key, record);
  return found;
}

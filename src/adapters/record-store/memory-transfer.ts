import { RegistryError } from '../../errors/registry-error.ts';
import type { DumpedRecord, LoadMark, RecordDump, RecordLoad, RecordTransfer } from '../../ports/record-dump.ts';
import type { StoredEvent } from '../../ports/record-store.ts';
import { compareBytes } from '../../shared/compare.ts';
import { beginsAnew, LOAD_ENDED } from './load-rules.ts';
import { MemoryCollection } from './memory-collection.ts';
import type { MemoryRecord } from './memory-record.ts';
import { firstAbove } from './sorted.ts';

/** What a dump hands over at a time. */
const BATCH_ITEMS = 500;
const BATCH_CHARACTERS = 4_000_000;

/** What the memory store holds, for its parts to share. */
export interface MemoryState {
  readonly collections: Map<string, MemoryCollection>;
  /** In the order of their positions, which may have holes. */
  readonly events: StoredEvent[];
  sequence: number;
  mark: LoadMark | null;
  /** Forgets which commits were applied. */
  forgetCommits(): void;
}

/** Dumps and loads of the memory store. */
export function createMemoryTransfer(state: MemoryState): RecordTransfer {
  const { collections, events } = state;

  /** Records are never changed, only replaced: lists of them stay as they are at this moment. */
  function dump(): RecordDump {
    const moment = new Map<string, readonly MemoryRecord[]>();
    for (const name of [...collections.keys()].sort(compareBytes)) {
      const records = collections.get(name)?.sorted.toArray() ?? [];
      if (records.length > 0) moment.set(name, records);
    }
    const log = [...events];
    return {
      sequence: state.sequence,
      collections: [...moment].map(([name, records]) => ({ name, records: records.length })),
      events: log.length,
      records: (collection) => recordsInBatches(moment.get(collection) ?? []),
      log: () => inBatches(log, ({ payload }) => payload.length),
      close() {},
    };
  }

  function empty(): void {
    collections.clear();
    events.length = 0;
    state.forgetCommits();
  }

  const isEmpty = () => events.length === 0 && [...collections.values()].every(({ size }) => size === 0);

  function collectionOf(name: string): MemoryCollection {
    const collection = collections.get(name) ?? new MemoryCollection(name);
    collections.set(name, collection);
    return collection;
  }

  function putEvent(event: StoredEvent): void {
    const at = firstAbove(events, event, byPosition);
    const isThere = events[at - 1]?.position === event.position;
    events.splice(isThere ? at - 1 : at, isThere ? 1 : 0, event);
  }

  return {
    dump,
    loadMark: () => state.mark,
    load(options): RecordLoad {
      if (beginsAnew(options, state.mark, isEmpty())) {
        empty();
        state.mark = { origin: options.origin, at: options.at };
      }
      const { mark } = state;
      const requireMark = () => {
        if (state.mark !== mark) throw new RegistryError('CONFLICT', { message: LOAD_ENDED });
      };
      return {
        collections: () =>
          [...collections.values()]
            .filter(({ size }) => size > 0)
            .map(({ name }) => name)
            .sort(compareBytes),
        held(collection, after) {
          const found: MemoryRecord[] = [];
          const position = after === null ? null : { key: after, values: [] };
          const reading = collections.get(collection)?.sorted.after(position);
          for (; reading?.record !== undefined && found.length < BATCH_ITEMS; reading.advance()) {
            found.push(reading.record);
          }
          return firstBatch(found, ({ value }) => value.length).map(dumped);
        },
        heldEvents: (after) => firstBatch(eventsAfter(events, after, BATCH_ITEMS), ({ payload }) => payload.length),
        write(batch) {
          requireMark();
          for (const { collection, key } of batch.deletes) collectionOf(collection).delete(key);
          for (const { collection, ...record } of batch.puts) collectionOf(collection).put(record, []);
          for (const event of batch.events) putEvent(event);
        },
        finish(sequence) {
          requireMark();
          state.sequence = Math.max(state.sequence, sequence);
          state.mark = null;
        },
      };
    },
  };
}

/** The events after a position, at most `limit`. */
export function eventsAfter(events: readonly StoredEvent[], after: number, limit: number): readonly StoredEvent[] {
  const from = firstAbove(events, { ...NO_EVENT, position: after }, byPosition);
  return events.slice(from, from + limit);
}

const NO_EVENT: StoredEvent = { id: '', type: '', at: '', payload: '', version: 0, position: 0 };

function byPosition(a: StoredEvent, b: StoredEvent): number {
  return a.position - b.position;
}

async function* recordsInBatches(records: readonly MemoryRecord[]): AsyncGenerator<readonly DumpedRecord[]> {
  for await (const batch of inBatches(records, ({ value }) => value.length)) yield batch.map(dumped);
}

function dumped({ key, value, version, expiresAt }: MemoryRecord): DumpedRecord {
  return { key, value, version, expiresAt };
}

async function* inBatches<T>(items: readonly T[], charactersOf: (item: T) => number): AsyncGenerator<readonly T[]> {
  for (let from = 0; from < items.length; ) {
    const batch = firstBatch(items.slice(from, from + BATCH_ITEMS), charactersOf);
    yield batch;
    from += batch.length;
  }
}

/** As many of the items as a batch takes: one at least. */
function firstBatch<T>(items: readonly T[], charactersOf: (item: T) => number): readonly T[] {
  let characters = 0;
  const end = items.findIndex((item) => {
    characters += charactersOf(item);
    return characters >= BATCH_CHARACTERS;
  });
  return end < 0 ? items : items.slice(0, end + 1);
}

import type { DumpedRecord, LoadedRecord, RecordLoad } from '../ports/record-dump.ts';
import type { RecordDelete, StoredEvent } from '../ports/record-store.ts';
import { compareBytes } from '../shared/compare.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';

/** What is deleted at most in one write. */
const DELETES = 1000;

/** How a store was filled; records and events together. */
export interface Filled {
  readonly written: number;
  /** There before, from an earlier run. */
  readonly kept: number;
  /** There before and not in the source any more. */
  readonly removed: number;
}

/** Brings a store that is being filled to what is handed in. */
export interface StoreFiller {
  /** Records of a collection: all of one collection after each other, in byte order of their keys. */
  records(collection: string, batch: readonly DumpedRecord[]): Promise<void>;
  /** Events in the order of their positions. */
  events(batch: readonly StoredEvent[]): Promise<void>;
  /** Removes what was not handed in. */
  end(): Promise<Filled>;
}

/**
 * Goes through what is handed in and what the store holds side by side, in one order, and writes the difference: nothing has to be noted anywhere of
 * how far an earlier run came, and what an earlier run wrote wrongly is written again. Events only ever come to be: none is removed.
 */
export function createFiller(load: RecordLoad): StoreFiller {
  const seen = new Set<string>();
  const tally = { written: 0, kept: 0, removed: 0 };
  let collection: { readonly name: string; readonly held: Held<DumpedRecord> } | null = null;
  const heldEvents = createHeld<StoredEvent>((last) => load.heldEvents(last?.position ?? 0));

  const write = async (
    puts: readonly LoadedRecord[],
    deletes: readonly RecordDelete[],
    events: readonly StoredEvent[],
  ) => {
    if (puts.length + deletes.length + events.length === 0) return;
    await load.write({ puts, deletes, events });
    tally.written += puts.length + events.length;
    tally.removed += deletes.length;
  };

  async function begin(name: string) {
    await finishCollection();
    seen.add(name);
    const held = createHeld<DumpedRecord>((last) => load.held(name, last?.key ?? null));
    collection = { name, held };
    return collection;
  }

  /** Removes what the store has of the current collection beyond the last key handed in. */
  async function finishCollection(): Promise<void> {
    if (collection === null) return;
    const { name, held } = collection;
    for (let left = await held.head(); left !== null; left = await held.head()) {
      const deletes: RecordDelete[] = [];
      for (; left !== null && deletes.length < DELETES; left = await held.head()) {
        deletes.push({ collection: name, key: left.key });
        held.next();
      }
      await write([], deletes, []);
    }
    collection = null;
  }

  return {
    async records(name, batch) {
      const { held } = collection?.name === name ? collection : await begin(name);
      const puts: LoadedRecord[] = [];
      let deletes: RecordDelete[] = [];
      for (const record of batch) {
        let other = await held.head();
        for (; other !== null && compareBytes(other.key, record.key) < 0; other = await held.head()) {
          deletes.push({ collection: name, key: other.key });
          held.next();
          if (deletes.length < DELETES) continue;
          await write([], deletes, []);
          deletes = [];
        }
        if (other?.key === record.key) held.next();
        if (other !== null && isSameRecord(other, record)) tally.kept++;
        else puts.push({ collection: name, ...record });
      }
      await write(puts, deletes, []);
    },
    async events(batch) {
      const missing: StoredEvent[] = [];
      for (const event of batch) {
        let other = await heldEvents.head();
        for (; other !== null && other.position < event.position; other = await heldEvents.head()) heldEvents.next();
        if (other !== null && isSameEvent(other, event)) tally.kept++;
        else missing.push(event);
      }
      await write([], [], missing);
    },
    async end() {
      await finishCollection();
      for (const name of await load.collections()) {
        if (seen.has(name)) continue;
        await begin(name);
        await finishCollection();
      }
      return { ...tally };
    },
  };
}

function isSameRecord(a: DumpedRecord, b: DumpedRecord): boolean {
  return a.key === b.key && a.version === b.version && a.expiresAt === b.expiresAt && a.value === b.value;
}

function isSameEvent(a: StoredEvent, b: StoredEvent): boolean {
  return (
    a.position === b.position &&
    a.version === b.version &&
    a.id === b.id &&
    a.type === b.type &&
    a.at === b.at &&
    a.payload === b.payload
  );
}

/** What a store holds, in its order, read page by page as it is looked at. */
interface Held<T> {
  /** The next one; null at the end. A promise only where a page has to be read. */
  head(): MaybePromise<T | null>;
  next(): void;
}

function createHeld<T>(read: (last: T | null) => MaybePromise<readonly T[]>): Held<T> {
  let page: readonly T[] = [];
  let at = 0;
  let last: T | null = null;
  let ended = false;

  async function turn(): Promise<T | null> {
    page = await read(last);
    at = 0;
    last = page.at(-1) ?? last;
    ended = page.length === 0;
    return page[0] ?? null;
  }

  return {
    head: () => page[at] ?? (ended ? null : turn()),
    next() {
      at++;
    },
  };
}

import type { Position, Scalar } from '../../ports/record-store.ts';
import type { MemoryRecord } from './memory-record.ts';

/** An order of records in which no two are equal: the key decides last. */
export interface RecordOrder {
  /** The same for the same order of an index. */
  readonly name: string;
  /** What decides first: the first column's value, or the key. */
  firstOf(record: MemoryRecord): Scalar;
  firstAt(position: Position): Scalar;
  /** Negative where `a` stands before `b`. */
  compareFirst(a: Scalar, b: Scalar): number;
  /** Where a position stands beside a record that has the same first value. */
  compareRest(position: Position, record: MemoryRecord): number;
  positionOf(record: MemoryRecord): Position;
  /** What a record has in the order's columns, of which the first is known. */
  valuesOf(record: MemoryRecord, first: Scalar): readonly Scalar[];
}

/**
 * Some neighbours. What decides first stands beside them, and so do their slots: seeking, and walking past what does not fit a filter, hardly
 * touches the records, which lie anywhere in memory.
 */
interface Leaf {
  readonly firsts: Scalar[];
  readonly slots: number[];
  readonly records: MemoryRecord[];
}

const MOST = 128;

/** Records in an order: leaves in a row, with the first value of each in one array of its own. */
export class SortedRecords {
  readonly order: RecordOrder;
  /** None is empty. */
  #leaves: Leaf[];
  /** The first value of each leaf. */
  #starts: Scalar[];
  #size: number;

  /** Of records in no order. */
  constructor(order: RecordOrder, records: readonly MemoryRecord[] = []) {
    this.order = order;
    const sorted = inOrder(order, records);
    this.#leaves = [];
    for (let from = 0; from < sorted.length; from += MOST >> 1) {
      const some = sorted.slice(from, from + (MOST >> 1));
      const firsts = some.map((record) => order.firstOf(record));
      this.#leaves.push({ firsts, slots: some.map(({ slot }) => slot), records: some });
    }
    this.#starts = this.#leaves.map(({ firsts }) => firsts[0] ?? null);
    this.#size = sorted.length;
  }

  get size(): number {
    return this.#size;
  }

  add(record: MemoryRecord): void {
    const position = this.order.positionOf(record);
    const first = this.order.firstOf(record);
    this.#size++;
    const place = this.#leafOf(position);
    const leaf = this.#leaves[place];
    if (leaf === undefined) {
      this.#leaves = [{ firsts: [first], slots: [record.slot], records: [record] }];
      this.#starts = [first];
      return;
    }
    const at = this.#firstAbove(leaf, position);
    insert(leaf.firsts, at, first);
    insert(leaf.slots, at, record.slot);
    insert(leaf.records, at, record);
    if (at === 0) this.#starts[place] = first;
    if (leaf.records.length <= MOST) return;
    // Where records come in the order itself, full leaves stay behind.
    const isLast = place === this.#leaves.length - 1 && at === MOST;
    const half = isLast ? MOST : MOST >> 1;
    const next = {
      firsts: leaf.firsts.splice(half),
      slots: leaf.slots.splice(half),
      records: leaf.records.splice(half),
    };
    insert(this.#leaves, place + 1, next);
    insert(this.#starts, place + 1, next.firsts[0] ?? null);
  }

  /** Takes out a record that is in it, and whose columns are still what they were. */
  delete(record: MemoryRecord): void {
    const position = this.order.positionOf(record);
    const place = this.#leafOf(position);
    const leaf = this.#leaves[place];
    if (leaf === undefined) return;
    const at = this.#firstAbove(leaf, position) - 1;
    if (leaf.records[at]?.key !== record.key) return;
    this.#size--;
    if (leaf.records.length === 1) {
      this.#leaves.splice(place, 1);
      this.#starts.splice(place, 1);
      return;
    }
    leaf.firsts.splice(at, 1);
    leaf.slots.splice(at, 1);
    leaf.records.splice(at, 1);
    if (at === 0) this.#starts[place] = leaf.firsts[0] ?? null;
  }

  /** A place before the first record after `position`, or before the first of all. */
  after(position: Position | null): RecordCursor {
    if (position === null) return new RecordCursor(this.#leaves, 0, 0);
    const place = this.#leafOf(position);
    const leaf = this.#leaves[place];
    return new RecordCursor(this.#leaves, place, leaf === undefined ? 0 : this.#firstAbove(leaf, position));
  }

  /** A place before the first record that does not stand before `position`. */
  from(position: Position): RecordCursor {
    const place = this.#leafOf(position);
    const leaf = this.#leaves[place];
    if (leaf === undefined) return new RecordCursor(this.#leaves, 0, 0);
    const at = this.#firstAbove(leaf, position);
    const before = leaf.records[at - 1];
    const isAtIt = before !== undefined && this.#compare(position, leaf, at - 1) === 0;
    return new RecordCursor(this.#leaves, place, isAtIt ? at - 1 : at);
  }

  forEach(each: (record: MemoryRecord) => void): void {
    for (const { records } of this.#leaves) for (const record of records) each(record);
  }

  /** All of them, in order, as they are now. */
  toArray(): readonly MemoryRecord[] {
    return this.#leaves.flatMap(({ records }) => records);
  }

  /** The last leaf that does not begin above the position, or the first. */
  #leafOf(position: Position): number {
    const first = this.order.firstAt(position);
    const starts = this.#starts;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const difference =
        this.order.compareFirst(first, starts[middle] ?? null) ||
        this.order.compareRest(position, this.#leaves[middle]?.records[0] as MemoryRecord);
      if (difference >= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #firstAbove(leaf: Leaf, position: Position): number {
    let low = 0;
    let high = leaf.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(position, leaf, middle) >= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(position: Position, { firsts, records }: Leaf, at: number): number {
    return (
      this.order.compareFirst(this.order.firstAt(position), firsts[at] ?? null) ||
      this.order.compareRest(position, records[at] as MemoryRecord)
    );
  }
}

/** A place among sorted records, good until they change. */
export class RecordCursor {
  readonly #leaves: readonly Leaf[];
  #place: number;
  #at: number;
  #leaf: Leaf | undefined;

  constructor(leaves: readonly Leaf[], place: number, at: number) {
    this.#leaves = leaves;
    this.#place = place;
    this.#at = at;
    this.#leaf = leaves[place];
    this.#settle();
  }

  /** The record that comes next; undefined at the end. */
  get record(): MemoryRecord | undefined {
    return this.#leaf?.records[this.#at];
  }

  /** Its slot; -1 at the end. */
  get slot(): number {
    return this.#leaf?.slots[this.#at] ?? -1;
  }

  /** Its first value. */
  get first(): Scalar {
    return this.#leaf?.firsts[this.#at] ?? null;
  }

  advance(): void {
    this.#at++;
    this.#settle();
  }

  #settle(): void {
    if (this.#leaf === undefined || this.#at < this.#leaf.records.length) return;
    this.#leaf = this.#leaves[++this.#place];
    this.#at = 0;
  }
}

function inOrder(order: RecordOrder, records: readonly MemoryRecord[]): readonly MemoryRecord[] {
  if (records.length < 2) return records;
  const firsts = records.map((record) => order.firstOf(record));
  const places = Uint32Array.from(records, (_, place) => place);
  places.sort(
    (a, b) =>
      order.compareFirst(firsts[a] ?? null, firsts[b] ?? null) ||
      order.compareRest(order.positionOf(records[a] as MemoryRecord), records[b] as MemoryRecord),
  );
  return Array.from(places, (place) => records[place] as MemoryRecord);
}

/** At the end by `push`, which leaves room for more. */
function insert<T>(list: T[], at: number, value: T): void {
  if (at === list.length) list.push(value);
  else list.splice(at, 0, value);
}

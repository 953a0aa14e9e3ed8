import type { Filter, IndexKeySpec, IndexQuery, IndexSpec, Order, Scalar } from '../../ports/record-store.ts';
import { storableScalar } from '../../ports/scalar-text.ts';
import type { MemoryBucket } from './memory-bucket.ts';
import { BY_KEY, MemoryColumns, type MemoryRow, nameOfOrder } from './memory-columns.ts';
import { askedValues, isToldByValues, type SlotTest, slotTest } from './memory-filter.ts';
import { MemoryGroup } from './memory-group.ts';
import { readInOrder } from './memory-merge.ts';
import type { MemoryRecord } from './memory-record.ts';
import { MemoryText } from './memory-text.ts';
import type { RecordOrder } from './sorted-records.ts';

export interface UniqueClaim {
  readonly keyName: string;
  readonly tuple: string;
  /** The records that have the same; undefined where none has. */
  readonly holders: MemoryBucket | undefined;
}

/** A record of a page, with what it has in the columns of the page's order. */
export interface PlacedRecord {
  readonly record: MemoryRecord;
  readonly position: readonly Scalar[];
}

/** Everything that fits some filters: what is in one of the buckets and passes all tests. */
interface Selection {
  readonly buckets: readonly MemoryBucket[];
  readonly size: number;
  /** Whether a record may be in more than one of them. */
  readonly mayRepeat: boolean;
  readonly tests: readonly SlotTest[];
}

/** Buckets that are merged at most; where filters ask for more of a key's, that key is of no use to them. */
const MAX_MERGED = 16;
const MAX_ORDERS_KNOWN = 64;

/** One index of the memory store: what its records have in each column, and the records in buckets by the fields of each key. */
export class MemoryIndex {
  readonly spec: IndexSpec;
  readonly columns: MemoryColumns;
  /** Null where no column is searched. */
  readonly text: MemoryText | null;
  /** One for each set of fields that keys have, and one without fields, which has all records in one bucket. */
  readonly #groups: readonly MemoryGroup[];
  readonly #orders = new Map<string, RecordOrder>();

  constructor(spec: IndexSpec) {
    this.spec = spec;
    this.columns = new MemoryColumns(spec);
    this.text = spec.text === undefined || spec.text.length === 0 ? null : new MemoryText(spec.text);
    const byFields = new Map<string, IndexKeySpec[]>([['[]', []]]);
    for (const key of spec.keys) {
      const name = JSON.stringify(key.fields);
      byFields.set(name, [...(byFields.get(name) ?? []), key]);
    }
    this.#groups = [...byFields.values()].map((keys) => {
      const orders = new Map(keys.map(({ sort }) => [nameOfOrder(sort), this.#order(sort)]));
      return new MemoryGroup(spec, keys, orders.size === 0 ? [BY_KEY] : [...orders.values()], this.columns);
    });
  }

  /** Adds a record that is not in it. */
  add(record: MemoryRecord, row: MemoryRow): void {
    const buckets = this.#groups.flatMap((group) => group.enter(row));
    this.columns.set(record.slot, row);
    for (const bucket of buckets) bucket.add(record);
    if (row.terms !== null) this.text?.add(record.slot, row.terms);
  }

  /** Takes a record out; one that is not in it, too. */
  delete(record: MemoryRecord): void {
    if (!this.columns.has(record.slot)) return;
    this.text?.delete(record.slot);
    for (const group of this.#groups) group.delete(record);
    this.columns.clear(record.slot);
  }

  /** What a row claims for itself: its tuple, or tuples, in each unique key, with the stored records that have the same. */
  *claims(row: MemoryRow): Iterable<UniqueClaim> {
    for (const group of this.#groups) {
      if (group.unique.length === 0) continue;
      for (const { tuple, bucket } of group.bucketsFor(row)) {
        for (const { name } of group.unique) yield { keyName: name, tuple, holders: bucket };
      }
    }
  }

  /** Every group of two or more records that agree in a unique key's fields. */
  *duplicates(): Iterable<{ readonly key: IndexKeySpec; readonly bucket: MemoryBucket }> {
    for (const group of this.#groups) {
      for (const key of group.unique) {
        for (const bucket of group.buckets()) if (bucket.size > 1) yield { key, bucket };
      }
    }
  }

  /** The first records that fit and are shown, in the query's order, after its position: one more than its limit at most. */
  page({ where, order, after, limit }: IndexQuery, isShown: (record: MemoryRecord) => boolean): PlacedRecord[] {
    const { buckets, tests } = this.#select(where);
    const asked = this.#order(order);
    const position = after === null ? null : { key: after.key, values: after.values.map(storableScalar) };
    const found: PlacedRecord[] = [];
    for (const reading = readInOrder(buckets, asked, position); found.length <= limit; reading.advance()) {
      const { slot } = reading;
      if (slot < 0) break;
      if (!passes(tests, slot)) continue;
      const { record } = reading;
      if (record === undefined || !isShown(record)) continue;
      found.push({ record, position: asked.valuesOf(record, reading.first) });
    }
    return found;
  }

  /** How many fit and are shown; `isShown` null: all are. */
  count(where: readonly Filter[], isShown: ((record: MemoryRecord) => boolean) | null): number {
    const { buckets, size, tests, ...selection } = this.#select(where);
    const mayRepeat = selection.mayRepeat && buckets.length > 1;
    if (tests.length === 0 && isShown === null && !mayRepeat) return size;
    const seen = new Set<number>();
    let total = 0;
    for (const bucket of buckets) {
      bucket.forEach((record) => {
        if (!passes(tests, record.slot) || isShown?.(record) === false) return;
        if (mayRepeat) seen.add(record.slot);
        else total++;
      });
    }
    return mayRepeat ? seen.size : total;
  }

  /** Whether the record of a slot is in the index and fits. */
  test(where: readonly Filter[]): SlotTest {
    const tests = where.map((filter) => slotTest(this.columns, filter));
    return (slot) => this.columns.has(slot) && passes(tests, slot);
  }

  /** By the key whose buckets hold the fewest records beside those that fit. */
  #select(where: readonly Filter[]): Selection {
    const asked = where.map((filter) => ({ filter, values: askedValues(this.columns, filter) }));
    let best: (Omit<Selection, 'tests'> & { readonly told: ReadonlySet<Filter> }) | null = null;
    for (const group of this.#groups) {
      const told = new Set<Filter>();
      const values: (readonly Scalar[])[] = [];
      for (const field of group.fields) {
        const one = asked.find(({ filter, values }) => filter.column === field && values !== null);
        if (one === undefined) break;
        values.push(one.values ?? []);
        if (isToldByValues(one.filter)) told.add(one.filter);
      }
      if (values.length < group.fields.length) continue;
      if (values.reduce((product, { length }) => product * length, 1) > MAX_MERGED) continue;
      const buckets = group.bucketsOf(values);
      const size = buckets.reduce((sum, bucket) => sum + bucket.size, 0);
      if (best === null || size < best.size) best = { buckets, size, mayRepeat: group.mayRepeat, told };
    }
    if (best === null) throw new Error('An index has one bucket of all records at least');
    const { told } = best;
    const rest = where.filter((filter) => !told.has(filter));
    return { ...best, tests: rest.map((filter) => slotTest(this.columns, filter)) };
  }

  #order(order: readonly Order[]): RecordOrder {
    const name = nameOfOrder(order);
    let known = this.#orders.get(name);
    if (known === undefined) {
      if (this.#orders.size >= MAX_ORDERS_KNOWN) this.#orders.clear();
      known = this.columns.order(order);
      this.#orders.set(name, known);
    }
    return known;
  }
}

function passes(tests: readonly SlotTest[], slot: number): boolean {
  for (const test of tests) if (!test(slot)) return false;
  return true;
}

import type { MemoryRecord } from './memory-record.ts';
import { type RecordOrder, SortedRecords } from './sorted-records.ts';

/** Orders beside the declared ones that are kept for one bucket; a bucket that is asked for more starts again. */
const MAX_ORDERS = 8;

/** Records that agree in some columns: in the declared orders always, in others from when they were asked for. */
export class MemoryBucket {
  readonly #declared: readonly RecordOrder[];
  /** A single record needs no order. Most buckets of a unique key have no more. */
  #only: MemoryRecord | null = null;
  #sorted: readonly SortedRecords[] = [];
  #asked: Map<string, SortedRecords> | null = null;

  /** One order at least. */
  constructor(declared: readonly RecordOrder[]) {
    this.#declared = declared;
  }

  get size(): number {
    return this.#only === null ? (this.#sorted[0]?.size ?? 0) : 1;
  }

  /** Any of the records; null where there is none. */
  get sample(): MemoryRecord | null {
    return this.#only ?? this.#sorted[0]?.after(null).record ?? null;
  }

  add(record: MemoryRecord): void {
    if (this.#sorted.length === 0) {
      if (this.#only === null) {
        this.#only = record;
        return;
      }
      const first = this.#only;
      this.#sorted = this.#declared.map((order) => new SortedRecords(order, [first]));
      this.#only = null;
    }
    for (const sorted of this.#sorted) sorted.add(record);
    for (const sorted of this.#asked?.values() ?? []) sorted.add(record);
  }

  /** Takes out a record that is in it, while its columns are still what they were. */
  delete(record: MemoryRecord): void {
    if (this.#only?.key === record.key) this.#only = null;
    for (const sorted of this.#sorted) sorted.delete(record);
    for (const sorted of this.#asked?.values() ?? []) sorted.delete(record);
  }

  inOrder(order: RecordOrder): SortedRecords {
    if (this.#only !== null) return new SortedRecords(order, [this.#only]);
    const known = this.#sorted.find((sorted) => sorted.order.name === order.name) ?? this.#asked?.get(order.name);
    if (known !== undefined) return known;
    const sorted = new SortedRecords(order, this.#sorted[0]?.toArray() ?? []);
    if (this.#asked === null || this.#asked.size >= MAX_ORDERS) this.#asked = new Map();
    this.#asked.set(order.name, sorted);
    return sorted;
  }

  /** Calls back with every record, in no order. */
  forEach(each: (record: MemoryRecord) => void): void {
    if (this.#only !== null) each(this.#only);
    this.#sorted[0]?.forEach(each);
  }
}

import type { IndexKeySpec, IndexSpec, Scalar } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import { MemoryBucket } from './memory-bucket.ts';
import type { MemoryColumns, MemoryRow } from './memory-columns.ts';
import type { MemoryRecord } from './memory-record.ts';
import type { RecordOrder } from './sorted-records.ts';

/** Where a column stands in a row. */
interface FieldPlace {
  readonly isList: boolean;
  readonly place: number;
}

/** The records of an index in buckets by the values of some columns: what all keys with the same fields share. */
export class MemoryGroup {
  readonly fields: readonly string[];
  /** Those of the keys that are unique. */
  readonly unique: readonly IndexKeySpec[];
  /** A record may be in more than one bucket. */
  readonly mayRepeat: boolean;
  readonly #places: readonly FieldPlace[];
  readonly #orders: readonly RecordOrder[];
  readonly #columns: MemoryColumns;
  /** None is empty. */
  readonly #buckets = new Map<string, MemoryBucket>();

  /** `keys` are those of the spec that have the same fields, none where there is no field; `orders` are theirs, each once, one at least. */
  constructor(spec: IndexSpec, keys: readonly IndexKeySpec[], orders: readonly RecordOrder[], columns: MemoryColumns) {
    this.fields = keys[0]?.fields ?? [];
    this.unique = keys.filter(({ unique }) => unique);
    this.#places = this.fields.map((field) => {
      const place = spec.arrays.indexOf(field);
      return place < 0 ? { isList: false, place: spec.columns.indexOf(field) } : { isList: true, place };
    });
    this.mayRepeat = this.#places.some(({ isList }) => isList);
    this.#orders = orders;
    this.#columns = columns;
  }

  /**
   * The buckets that a row belongs to, new ones where there are none: a record must be added to each, once its columns are written. Gives
   * the row the texts that the records in them have, so that each is kept once.
   */
  enter(row: MemoryRow): readonly MemoryBucket[] {
    return this.#valuesOf(row).map((values) => {
      const tuple = tupleOf(values);
      let bucket = this.#buckets.get(tuple);
      if (bucket === undefined) {
        bucket = new MemoryBucket(this.#orders);
        this.#buckets.set(tuple, bucket);
      } else if (bucket.sample !== null) this.#share(row, values, bucket.sample);
      return bucket;
    });
  }

  #share(row: MemoryRow, values: readonly Scalar[], { slot }: MemoryRecord): void {
    for (const [at, { isList, place }] of this.#places.entries()) {
      const column = this.fields[at] ?? '';
      const value = values[at] ?? null;
      if (!isList) row.scalars[place] = this.#columns.scalars(column)?.[slot] ?? null;
      else {
        const list = row.lists[place];
        const known = this.#columns.lists(column)?.[slot]?.find((element) => element === value);
        if (list !== undefined && known !== undefined) list[list.indexOf(value)] = known;
      }
    }
  }

  /** While the record's columns are still what they were. */
  delete(record: MemoryRecord): void {
    for (const values of this.#combine((at) => this.#columns.valuesOf(record.slot, this.fields[at] ?? ''))) {
      const tuple = tupleOf(values);
      const bucket = this.#buckets.get(tuple);
      bucket?.delete(record);
      if (bucket?.size === 0) this.#buckets.delete(tuple);
    }
  }

  /** The bucket of each combination, where there is one: values by field. */
  bucketsOf(values: readonly (readonly Scalar[])[]): readonly MemoryBucket[] {
    return this.#combine((at) => values[at] ?? [])
      .map((tuple) => this.#buckets.get(tupleOf(tuple)))
      .filter((bucket) => bucket !== undefined);
  }

  /** The row's bucket, or buckets, as far as they are there, with the tuple that they stand for. */
  *bucketsFor(row: MemoryRow): Iterable<{ readonly tuple: string; readonly bucket: MemoryBucket | undefined }> {
    for (const values of this.#valuesOf(row)) {
      const tuple = tupleOf(values);
      yield { tuple, bucket: this.#buckets.get(tuple) };
    }
  }

  buckets(): Iterable<MemoryBucket> {
    return this.#buckets.values();
  }

  /** What the row has in the fields: one tuple, or one for each combination of elements where fields are lists. */
  #valuesOf(row: MemoryRow): readonly (readonly Scalar[])[] {
    return this.#combine((at) => {
      const { isList, place } = this.#places[at] ?? { isList: false, place: -1 };
      return isList ? (row.lists[place] ?? []) : [row.scalars[place] ?? null];
    });
  }

  #combine(valuesAt: (at: number) => readonly Scalar[]): readonly (readonly Scalar[])[] {
    let found: readonly (readonly Scalar[])[] = [[]];
    for (const at of this.fields.keys()) {
      const values = valuesAt(at);
      found = found.flatMap((tuple) => values.map((value) => [...tuple, value]));
    }
    return found;
  }
}

function tupleOf(values: readonly Scalar[]): string {
  return values.map(encodeScalar).join('\0');
}

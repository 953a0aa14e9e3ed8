import { type EncodedFilter, pinnedValue } from '../../ports/encoded-filter.ts';
import type { IndexKeySpec, IndexQuery, IndexRow, IndexSpec, Order, Scalar } from '../../ports/record-store.ts';
import { decodeScalar, encodeScalar } from '../../ports/scalar-text.ts';
import { type RecordTerms, termsOfRow } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import { MemoryText } from './memory-text.ts';
import { firstAbove } from './sorted.ts';

/** One record in one index: encoded scalars by column, sets of encoded scalars by array column. */
export interface MemoryRow {
  readonly key: string;
  readonly scalars: ReadonlyMap<string, string>;
  readonly arrays: ReadonlyMap<string, ReadonlySet<string>>;
  readonly terms: RecordTerms | null;
}

export interface UniqueClaim {
  readonly keyName: string;
  readonly tuple: string;
  readonly holders: readonly string[];
}

/** Rows that agree in the fields of one key, with the orders they were asked in so far. */
interface Bucket {
  readonly rows: Map<string, MemoryRow>;
  readonly sorted: Map<string, SortedRows>;
}

interface SortedRows {
  readonly compare: (a: MemoryRow, b: MemoryRow) => number;
  readonly rows: MemoryRow[];
}

/** Orders kept sorted for one bucket; a bucket that is asked for more starts again. */
const MAX_ORDERS = 8;

/** One index of the memory store: rows in buckets by the fields of each key, each bucket kept in the orders it is asked for. */
export class MemoryIndex {
  readonly spec: IndexSpec;
  /** Null where no column is searched. */
  readonly text: MemoryText | null;
  readonly #all: Bucket = { rows: new Map(), sorted: new Map() };
  readonly #byKey: ReadonlyMap<IndexKeySpec, Map<string, Bucket>>;

  constructor(spec: IndexSpec) {
    this.spec = spec;
    this.text = spec.text === undefined || spec.text.length === 0 ? null : new MemoryText();
    this.#byKey = new Map(spec.keys.map((key) => [key, new Map()]));
  }

  encode(key: string, row: IndexRow): MemoryRow {
    const scalars = new Map<string, string>();
    const arrays = new Map<string, ReadonlySet<string>>();
    for (const column of this.spec.columns) {
      const value = row[column] ?? null;
      scalars.set(column, encodeScalar(typeof value === 'object' ? null : value));
    }
    for (const column of this.spec.arrays) {
      const values = row[column] ?? null;
      arrays.set(column, new Set(typeof values === 'object' && values !== null ? values.map(encodeScalar) : []));
    }
    return { key, scalars, arrays, terms: termsOfRow(this.spec, row) };
  }

  put(row: MemoryRow): void {
    this.delete(row.key);
    addTo(this.#all, row);
    if (row.terms !== null) this.text?.put(row.key, row.terms);
    for (const [key, buckets] of this.#byKey) {
      for (const tuple of tuples(key, row)) {
        let bucket = buckets.get(tuple);
        if (bucket === undefined) {
          bucket = { rows: new Map(), sorted: new Map() };
          buckets.set(tuple, bucket);
        }
        addTo(bucket, row);
      }
    }
  }

  delete(key: string): void {
    const row = this.#all.rows.get(key);
    if (row === undefined) return;
    removeFrom(this.#all, row);
    this.text?.delete(key);
    for (const [spec, buckets] of this.#byKey) {
      for (const tuple of tuples(spec, row)) {
        const bucket = buckets.get(tuple);
        if (bucket === undefined) continue;
        removeFrom(bucket, row);
        if (bucket.rows.size === 0) buckets.delete(tuple);
      }
    }
  }

  /** What a row claims for itself: its tuple, or tuples, in each unique key, with the stored rows that have the same. */
  *claims(row: MemoryRow): Iterable<UniqueClaim> {
    for (const [key, buckets] of this.#byKey) {
      if (!key.unique) continue;
      for (const tuple of tuples(key, row)) {
        yield { keyName: key.name, tuple, holders: [...(buckets.get(tuple)?.rows.keys() ?? [])] };
      }
    }
  }

  /** Every group of two or more rows that agree in a unique key's fields. */
  *duplicates(): Iterable<{ readonly key: IndexKeySpec; readonly rows: readonly string[] }> {
    for (const [key, buckets] of this.#byKey) {
      if (!key.unique) continue;
      for (const bucket of buckets.values()) if (bucket.rows.size > 1) yield { key, rows: [...bucket.rows.keys()] };
    }
  }

  /** What a stored row holds in the columns. */
  position(key: string, columns: readonly string[]): readonly Scalar[] {
    const scalars = this.#all.rows.get(key)?.scalars;
    return columns.map((column) => decodeScalar(scalars?.get(column) ?? '0'));
  }

  fits(key: string, where: readonly EncodedFilter[]): boolean {
    const row = this.#all.rows.get(key);
    return row !== undefined && fits(row, where);
  }

  /** What a stored row holds in a column, encoded: one value, or each element once. */
  valuesOf(key: string, column: string): Iterable<string> {
    const row = this.#all.rows.get(key);
    return row?.arrays.get(column) ?? [row?.scalars.get(column) ?? '0'];
  }

  /** Rows that fit, in no order. */
  *matching(where: readonly EncodedFilter[]): Iterable<MemoryRow> {
    for (const row of this.#bucketFor(where)?.rows.values() ?? []) if (fits(row, where)) yield row;
  }

  /** Rows that fit, in the query's order, after its position. */
  *ordered(where: readonly EncodedFilter[], query: Pick<IndexQuery, 'order' | 'after'>): Iterable<MemoryRow> {
    const bucket = this.#bucketFor(where);
    if (bucket === undefined) return;
    const { rows, compare } = sortedRows(bucket, query.order);
    let at = 0;
    if (query.after !== null) {
      const { key, values } = query.after;
      const scalars = new Map(query.order.map(({ column }, place) => [column, encodeScalar(values[place] ?? null)]));
      at = firstAbove(rows, { key, scalars, arrays: new Map(), terms: null }, compare);
    }
    for (; at < rows.length; at++) {
      const row = rows[at];
      if (row !== undefined && fits(row, where)) yield row;
    }
  }

  /** The smallest bucket that holds everything that fits; undefined when nothing does. */
  #bucketFor(where: readonly EncodedFilter[]): Bucket | undefined {
    const pinned = new Map<string, string>();
    for (const filter of where) {
      const value = pinnedValue(filter);
      if (value !== null) pinned.set(filter.column, value);
    }
    let best = this.#all;
    for (const [key, buckets] of this.#byKey) {
      if (!key.fields.every((field) => pinned.has(field))) continue;
      const bucket = buckets.get(key.fields.map((field) => pinned.get(field)).join('\0'));
      if (bucket === undefined) return undefined;
      if (bucket.rows.size < best.rows.size) best = bucket;
    }
    return best;
  }
}

/** What the row holds in the fields of a key: one tuple, or one for each combination of elements where fields are arrays. */
function tuples(key: IndexKeySpec, row: MemoryRow): readonly string[] {
  let found: readonly (readonly string[])[] = [[]];
  for (const field of key.fields) {
    const elements = row.arrays.get(field) ?? [row.scalars.get(field) ?? ''];
    found = found.flatMap((tuple) => [...elements].map((element) => [...tuple, element]));
  }
  return found.map((tuple) => tuple.join('\0'));
}

function fits(row: MemoryRow, where: readonly EncodedFilter[]): boolean {
  return where.every((filter) => {
    if (filter.kind === 'any' || filter.kind === 'all') {
      const elements = row.arrays.get(filter.column) ?? new Set();
      return filter.kind === 'any'
        ? filter.values.some((value) => elements.has(value))
        : filter.values.every((value) => elements.has(value));
    }
    const value = row.scalars.get(filter.column) ?? '';
    if (filter.kind === 'eq') return value === filter.value;
    if (filter.kind !== 'range') return filter.values.includes(value);
    const above = compareBytes(value, filter.from);
    const below = compareBytes(value, filter.to);
    return (filter.fromOpen ? above > 0 : above >= 0) && (filter.toOpen ? below < 0 : below <= 0);
  });
}

function addTo(bucket: Bucket, row: MemoryRow): void {
  bucket.rows.set(row.key, row);
  for (const { rows, compare } of bucket.sorted.values()) rows.splice(firstAbove(rows, row, compare), 0, row);
}

function removeFrom(bucket: Bucket, row: MemoryRow): void {
  bucket.rows.delete(row.key);
  // No two rows of a bucket are equal in an order, because the key decides last: the row stands just before those above it.
  for (const { rows, compare } of bucket.sorted.values()) rows.splice(firstAbove(rows, row, compare) - 1, 1);
}

function sortedRows(bucket: Bucket, order: readonly Order[]): SortedRows {
  const name = JSON.stringify(order.map(({ column, descending }) => [column, descending]));
  const known = bucket.sorted.get(name);
  if (known !== undefined) return known;
  const compare = (a: MemoryRow, b: MemoryRow): number => {
    for (const { column, descending } of order) {
      const difference = compareBytes(a.scalars.get(column) ?? '', b.scalars.get(column) ?? '');
      if (difference !== 0) return descending ? -difference : difference;
    }
    return compareBytes(a.key, b.key);
  };
  const sorted = { compare, rows: [...bucket.rows.values()].sort(compare) };
  if (bucket.sorted.size >= MAX_ORDERS) bucket.sorted.clear();
  bucket.sorted.set(name, sorted);
  return sorted;
}

import type { IndexRow, IndexSpec, Order, Position, Scalar } from '../../ports/record-store.ts';
import { storableScalar } from '../../ports/scalar-text.ts';
import { type RecordTerms, termsOfRow } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { MemoryRecord } from './memory-record.ts';
import { compareScalars } from './memory-scalars.ts';
import type { RecordOrder } from './sorted-records.ts';
import { enlarged } from './typed-arrays.ts';

/** What one record is to have in an index, in the order of the spec's columns. */
export interface MemoryRow {
  readonly scalars: Scalar[];
  /** Each element once. */
  readonly lists: Scalar[][];
  readonly terms: RecordTerms | null;
}

/** Fails with VALUE_INVALID on what cannot be indexed. */
export function rowOf(spec: IndexSpec, row: IndexRow): MemoryRow {
  return {
    scalars: spec.columns.map((column) => {
      const value = row[column] ?? null;
      return typeof value === 'object' ? null : storableScalar(value);
    }),
    lists: spec.arrays.map((column) => {
      const values = row[column] ?? null;
      return typeof values === 'object' && values !== null ? [...new Set(values.map(storableScalar))] : [];
    }),
    terms: termsOfRow(spec, row),
  };
}

const NOTHING: readonly Scalar[] = [];

/** What the records of an index have in its columns: for each column one array, by the slots of the records. */
export class MemoryColumns {
  readonly #scalars: ReadonlyMap<string, Scalar[]>;
  readonly #lists: ReadonlyMap<string, (readonly Scalar[])[]>;
  /** 1 for the slots that have a row. */
  #held = new Uint8Array(64);

  constructor({ columns, arrays }: IndexSpec) {
    this.#scalars = new Map(columns.map((column) => [column, []]));
    this.#lists = new Map(arrays.map((column) => [column, []]));
  }

  has(slot: number): boolean {
    return this.#held[slot] === 1;
  }

  set(slot: number, { scalars, lists }: MemoryRow): void {
    if (slot >= this.#held.length) this.#held = enlarged(this.#held, slot + 1);
    this.#held[slot] = 1;
    let place = 0;
    for (const values of this.#scalars.values()) write(values, slot, scalars[place++] ?? null);
    place = 0;
    for (const values of this.#lists.values()) {
      while (values.length < slot) values.push(NOTHING);
      values[slot] = lists[place++] ?? NOTHING;
    }
  }

  clear(slot: number): void {
    this.#held[slot] = 0;
    for (const values of this.#scalars.values()) write(values, slot, fillerFor(values[slot] ?? null));
    for (const values of this.#lists.values()) values[slot] = NOTHING;
  }

  /** By slot; undefined where no scalar column has this name. */
  scalars(column: string): readonly Scalar[] | undefined {
    return this.#scalars.get(column);
  }

  /** By slot; undefined where no list column has this name. */
  lists(column: string): readonly (readonly Scalar[])[] | undefined {
    return this.#lists.get(column);
  }

  /** What a record has in a column of either kind: one value, or each element once. */
  valuesOf(slot: number, column: string): readonly Scalar[] {
    return this.#lists.get(column)?.[slot] ?? [this.#scalars.get(column)?.[slot] ?? null];
  }

  order(order: readonly Order[]): RecordOrder {
    const columns = order.map(({ column, descending }) => ({ values: this.scalars(column) ?? [], descending }));
    const [first] = columns;
    if (first === undefined) return BY_KEY;
    const { values } = first;
    const compareFirst = first.descending ? (a: Scalar, b: Scalar) => compareScalars(b, a) : compareScalars;
    const others = columns.slice(1);
    return {
      name: nameOfOrder(order),
      firstOf: ({ slot }) => values[slot] ?? null,
      firstAt: (position) => position.values[0] ?? null,
      compareFirst,
      compareRest(position, { slot, key }) {
        let place = 1;
        for (const { values, descending } of others) {
          const difference = compareScalars(position.values[place++] ?? null, values[slot] ?? null);
          if (difference !== 0) return descending ? -difference : difference;
        }
        return compareBytes(position.key, key);
      },
      positionOf: ({ slot, key }) => ({ values: columns.map(({ values }) => values[slot] ?? null), key }),
      valuesOf: ({ slot }, value) =>
        others.length === 0 ? [value] : [value, ...others.map(({ values }) => values[slot] ?? null)],
    };
  }
}

export function nameOfOrder(order: readonly Order[]): string {
  let name = '';
  for (const { column, descending } of order) name += `${descending ? '-' : '+'}${column}\0`;
  return name;
}

/** By the bytes of the keys alone. */
export const BY_KEY: RecordOrder = {
  name: '',
  firstOf: ({ key }: MemoryRecord) => key,
  firstAt: ({ key }: Position) => key,
  compareFirst: compareScalars,
  compareRest: () => 0,
  positionOf: ({ key }: MemoryRecord) => ({ values: [], key }),
  valuesOf: () => [],
};

/** Slots below that nobody has written are filled, because arrays with holes are slow, and so are those of numbers with anything else. */
function write(values: Scalar[], slot: number, value: Scalar): void {
  if (values.length < slot) {
    const filler = fillerFor(value);
    while (values.length < slot) values.push(filler);
  }
  values[slot] = value;
}

function fillerFor(value: Scalar): Scalar {
  return typeof value === 'number' ? 0 : null;
}

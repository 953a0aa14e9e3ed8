import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BY_KEY, MemoryColumns, rowOf } from '../../src/adapters/record-store/memory-columns.ts';
import type { MemoryRecord } from '../../src/adapters/record-store/memory-record.ts';
import { compareScalars } from '../../src/adapters/record-store/memory-scalars.ts';
import { packNumbers, unpackNumbers } from '../../src/adapters/record-store/packed-numbers.ts';
import { type RecordOrder, SortedRecords } from '../../src/adapters/record-store/sorted-records.ts';
import { SortedSet } from '../../src/adapters/record-store/sorted-set.ts';
import type { IndexSpec, Order, Position, Scalar } from '../../src/ports/record-store.ts';
import { encodeScalar } from '../../src/ports/scalar-text.ts';
import { compareBytes } from '../../src/shared/compare.ts';

const numberBelow = (most: number) => fc.integer({ min: 0, max: most - 1 });
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(null, false, true, '', 'a', 'b', '\uffff', '😀'),
  fc.integer({ min: -2, max: 2 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary', maxLength: 3 }).filter((text) => !text.includes('\0')),
);

/** Thousands of steps, so that leaves divide and go away: runs up, runs down and single ones. */
const steps = fc.array(
  fc.record({ adds: fc.integer({ min: 0, max: 9 }), from: numberBelow(3000), count: fc.integer({ min: 1, max: 700 }) }),
  { minLength: 1, maxLength: 12 },
);

function numbersOf({ from, count, adds }: { from: number; count: number; adds: number }): readonly number[] {
  const numbers = Array.from({ length: count }, (_, place) => (from + place * (adds % 2 === 0 ? 1 : 7)) % 3000);
  return adds % 3 === 0 ? numbers.toReversed() : numbers;
}

describe('a sorted set', () => {
  it('holds what a plain set holds, in order, and reads on from anywhere', () => {
    fc.assert(
      fc.property(steps, numberBelow(3100), (all, asked) => {
        const sorted = new SortedSet<number>((a, b) => a - b);
        const model = new Set<number>();
        for (const step of all) {
          for (const number of numbersOf(step)) {
            if (step.adds < 6) {
              sorted.add(number);
              model.add(number);
            } else {
              sorted.delete(number);
              model.delete(number);
            }
          }
          const expected = [...model].sort((a, b) => a - b);
          const found: number[] = [];
          sorted.forEach((number) => void found.push(number));
          expect(found).toEqual(expected);
          expect([...sorted.from(asked)]).toEqual(expected.filter((number) => number >= asked));
          expect(sorted.isEmpty).toBe(model.size === 0);
        }
      }),
      { numRuns: 40 },
    );
  });
});

const SPEC: IndexSpec = { name: 'i', columns: ['first', 'second'], arrays: [], keys: [], revision: '1' };
const ORDERS: readonly (readonly Order[])[] = [
  [],
  [{ column: 'first', descending: false }],
  [{ column: 'first', descending: true }],
  [
    { column: 'first', descending: true },
    { column: 'second', descending: false },
  ],
];

describe('sorted records', () => {
  it.each(ORDERS.map((orders) => ({ orders })))(
    'stand in their order, whatever comes and goes: $orders',
    ({ orders }) => {
      const rows = fc.array(fc.tuple(scalar, scalar), { minLength: 3, maxLength: 40 });
      fc.assert(
        fc.property(steps, rows, scalar, numberBelow(3000), (all, values, asked, askedKey) => {
          const columns = new MemoryColumns(SPEC);
          const order = orders.length === 0 ? BY_KEY : columns.order(orders);
          const sorted = new SortedRecords(order);
          const model = new Map<number, MemoryRecord>();
          for (const step of all) {
            for (const slot of numbersOf(step)) {
              const known = model.get(slot);
              if (step.adds < 6 && known === undefined) {
                const [first, second] = values[(slot * 13) % values.length] ?? [null, null];
                const record = { key: `k${slot}`, value: '', version: 1, expiresAt: null, slot };
                columns.set(slot, rowOf(SPEC, { first, second }));
                sorted.add(record);
                model.set(slot, record);
              } else if (step.adds >= 6 && known !== undefined) {
                sorted.delete(known);
                columns.clear(slot);
                model.delete(slot);
              }
            }
            const expected = [...model.values()].sort((a, b) => plainOrder(orders, columns, a, b));
            expect(keys(sorted.toArray())).toEqual(keys(expected));
            expect(keys(new SortedRecords(order, [...model.values()]).toArray())).toEqual(keys(expected));
            expect(sorted.size).toBe(model.size);
            const anyone = expected[askedKey % Math.max(1, expected.length)];
            const places: Position[] = [{ values: orders.map(() => asked), key: `k${askedKey}` }];
            if (anyone !== undefined) places.push(order.positionOf(anyone));
            for (const place of places) {
              const behind = expected.filter((record) => beside(order, place, record) < 0);
              const from = expected.filter((record) => beside(order, place, record) <= 0);
              expect(read(sorted.after(place))).toEqual(keys(behind));
              expect(read(sorted.from(place))).toEqual(keys(from));
            }
            expect(read(sorted.after(null))).toEqual(keys(expected));
          }
        }),
        { numRuns: 10 },
      );
    },
  );
});

function plainOrder(order: readonly Order[], columns: MemoryColumns, a: MemoryRecord, b: MemoryRecord): number {
  for (const { column, descending } of order) {
    const [left, right] = [a, b].map(({ slot }) => encodeScalar(columns.scalars(column)?.[slot] ?? null));
    const difference = compareBytes(left ?? '', right ?? '');
    if (difference !== 0) return descending ? -difference : difference;
  }
  return compareBytes(a.key, b.key);
}

/** Negative where the position stands before the record. */
function beside(order: RecordOrder, position: Position, record: MemoryRecord): number {
  return order.compareFirst(order.firstAt(position), order.firstOf(record)) || order.compareRest(position, record);
}

function keys(records: readonly MemoryRecord[]): readonly string[] {
  return records.map(({ key }) => key);
}

function read(cursor: ReturnType<SortedRecords['after']>): readonly string[] {
  const found: string[] = [];
  for (; cursor.record !== undefined; cursor.advance()) found.push(cursor.record.key);
  return found;
}

describe('scalars in memory', () => {
  it('have the order that their texts have in other stores', () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const expected = Math.sign(compareBytes(encodeScalar(a), encodeScalar(b)));
        // Zero and minus zero are one value.
        expect(Math.sign(compareScalars(a, b)) + 0).toBe(expected + 0);
      }),
    );
  });
});

describe('packed numbers', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 })), (numbers) => {
        expect(unpackNumbers(packNumbers(numbers))).toEqual(numbers);
      }),
    );
    const many = Array.from({ length: 60_000 }, (_, place) => place * 70_000);
    expect(unpackNumbers(packNumbers(many))).toEqual(many);
  });
});

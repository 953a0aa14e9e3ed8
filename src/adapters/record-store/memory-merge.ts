import type { Position, Scalar } from '../../ports/record-store.ts';
import type { MemoryBucket } from './memory-bucket.ts';
import type { MemoryRecord } from './memory-record.ts';
import type { RecordCursor, RecordOrder } from './sorted-records.ts';

/** Where reading in an order has come to. */
export type Reading = Pick<RecordCursor, 'record' | 'slot' | 'first' | 'advance'>;

/** The records of some buckets after a position, in an order, each once. */
export function readInOrder(buckets: readonly MemoryBucket[], order: RecordOrder, after: Position | null): Reading {
  const cursors = buckets.map((bucket) => bucket.inOrder(order).after(after));
  const [only] = cursors;
  return only !== undefined && cursors.length === 1 ? only : new MergedCursor(cursors, order);
}

class MergedCursor implements Reading {
  readonly #cursors: readonly RecordCursor[];
  readonly #order: RecordOrder;
  #least: RecordCursor | undefined;

  constructor(cursors: readonly RecordCursor[], order: RecordOrder) {
    this.#cursors = cursors;
    this.#order = order;
    this.#least = this.#findLeast();
  }

  get record(): MemoryRecord | undefined {
    return this.#least?.record;
  }

  get slot(): number {
    return this.#least?.slot ?? -1;
  }

  get first(): Scalar {
    return this.#least?.first ?? null;
  }

  advance(): void {
    const { record } = this;
    for (const cursor of this.#cursors) if (cursor.record === record) cursor.advance();
    this.#least = this.#findLeast();
  }

  #findLeast(): RecordCursor | undefined {
    let least: RecordCursor | undefined;
    for (const cursor of this.#cursors) {
      if (cursor.record === undefined) continue;
      if (least === undefined || isBefore(this.#order, cursor, least)) least = cursor;
    }
    return least;
  }
}

function isBefore(order: RecordOrder, a: RecordCursor, b: RecordCursor): boolean {
  const difference = order.compareFirst(a.first, b.first);
  if (difference !== 0) return difference < 0;
  const [left, right] = [a.record, b.record];
  return left !== undefined && right !== undefined && order.compareRest(order.positionOf(left), right) < 0;
}

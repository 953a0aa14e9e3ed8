import { type EncodedFilter, encodeFilter } from '../ports/encoded-filter.ts';
import type {
  CountQuery,
  IndexedRecord,
  IndexQuery,
  IndexRow,
  ListQuery,
  Order,
  Page,
  Scalar,
} from '../ports/record-store.ts';
import { encodeScalar } from '../ports/scalar-text.ts';
import { compareBytes } from '../shared/compare.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { PendingWrite } from './transaction.ts';

/**
 * What a page looks like to the transaction that has buffered writes in its collection. The page was read with as many records more as
 * there are writes, so that what the writes take away is made up for.
 */
export function overlayList(page: Page, query: ListQuery, pending: readonly PendingWrite[]): Page {
  const touched = new Set(pending.map((write) => write.key));
  const records = page.records.filter((record) => !touched.has(record.key));
  for (const write of pending) {
    if (write.put === null || !write.key.startsWith(query.prefix)) continue;
    if (query.after !== null && compareBytes(write.key, query.after) <= 0) continue;
    records.push({ key: write.key, value: write.put.value, version: 0, position: [] });
  }
  records.sort((a, b) => compareBytes(a.key, b.key));
  return cut(page, records, query.limit, (a, b) => compareBytes(a.key, b.key));
}

export function overlayQuery(page: Page, query: IndexQuery, pending: readonly PendingWrite[]): Page {
  const touched = new Set(pending.map((write) => write.key));
  const records = page.records.filter((record) => !touched.has(record.key));
  const compare = comparing(query.order);
  const filters = query.where.map(encodeFilter);
  for (const write of pending) {
    const row = write.put?.rows[query.index];
    if (write.put === null || row === undefined || !filters.every((filter) => fits(row, filter))) continue;
    const position = query.order.map((order) => scalarOf(row[order.column]));
    const record = { key: write.key, value: write.put.value, version: 0, position };
    if (query.after !== null && compare(record, { key: query.after.key, position: query.after.values }) <= 0) continue;
    records.push(record);
  }
  records.sort(compare);
  return cut(page, records, query.limit, compare);
}

/** Counts by walking the pages, because a stored count cannot tell which of the counted records the transaction changed. */
export async function countOverlay(
  fetch: (query: IndexQuery) => MaybePromise<Page>,
  query: CountQuery,
  pending: readonly PendingWrite[],
): Promise<number> {
  const filters = query.where.map(encodeFilter);
  const touched = new Set(pending.map((write) => write.key));
  let count = pending.filter((write) => {
    const row = write.put?.rows[query.index];
    return row !== undefined && filters.every((filter) => fits(row, filter));
  }).length;
  for (let after: IndexQuery['after'] = null; ; ) {
    const page: Page = await fetch({ ...query, order: [], limit: COUNT_PAGE, after });
    count += page.records.filter((record) => !touched.has(record.key)).length;
    const last = page.records.at(-1);
    if (!page.more || last === undefined) return count;
    after = { values: [], key: last.key };
  }
}

const COUNT_PAGE = 500;

type Placed = Pick<IndexedRecord, 'key' | 'position'>;

/** Beyond the last stored record nothing is known when the store has more: buffered records that sort later belong to a later page. */
function cut(page: Page, records: IndexedRecord[], limit: number, compare: (a: Placed, b: Placed) => number): Page {
  const edge = page.more ? page.records.at(-1) : undefined;
  const known = edge === undefined ? records : records.filter((record) => compare(record, edge) <= 0);
  return { records: known.slice(0, limit), more: page.more || known.length > limit };
}

function comparing(order: readonly Order[]): (a: Placed, b: Placed) => number {
  return (a, b) => {
    for (let index = 0; index < order.length; index++) {
      const left = encodeScalar(a.position[index] ?? null);
      const compared = compareBytes(left, encodeScalar(b.position[index] ?? null));
      if (compared !== 0) return order[index]!.descending ? -compared : compared;
    }
    return compareBytes(a.key, b.key);
  };
}

function fits(row: IndexRow, filter: EncodedFilter): boolean {
  const value = row[filter.column] ?? null;
  const texts = Array.isArray(value) ? (value as readonly Scalar[]).map(encodeScalar) : [encodeScalar(value as Scalar)];
  switch (filter.kind) {
    case 'eq':
      return texts.includes(filter.value);
    case 'in':
    case 'any':
      return texts.some((text) => filter.values.includes(text));
    case 'all':
      return filter.values.every((wanted) => texts.includes(wanted));
    case 'range':
      return texts.some((text) => {
        const from = compareBytes(text, filter.from);
        const to = compareBytes(text, filter.to);
        return (filter.fromOpen ? from > 0 : from >= 0) && (filter.toOpen ? to < 0 : to <= 0);
      });
  }
}

function scalarOf(value: Scalar | readonly Scalar[] | undefined): Scalar {
  return value === undefined || Array.isArray(value) ? null : (value as Scalar);
}

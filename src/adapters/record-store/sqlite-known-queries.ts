import type { Filter, IndexQuery, Order } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import type { IndexLayout } from './sql-layout.ts';
import type { SqliteValue, Statement } from './sqlite-statement.ts';

/** Statements of first pages by equality, as steps ask for them again and again with other values: to plan one takes as long as to run it. */
export interface KnownQueries {
  /** The rows of such a query; null where it has to be planned. */
  rows(layout: IndexLayout, asked: IndexQuery, now: number): readonly (readonly SqliteValue[])[] | null;
  /** `statement` answers such a query's first page. Ignored where a query is of another kind. */
  learn(layout: IndexLayout, asked: IndexQuery, statement: Statement): void;
}

interface KnownQuery {
  readonly columns: readonly string[];
  readonly order: readonly Order[];
  readonly wantsMore: boolean;
  readonly statement: Statement;
  /** For each of the statement's parameters the place of its filter, or one of those below. */
  readonly sources: readonly number[];
}

const NOW = -1;
const COLLECTION = -2;
const LIMIT = -3;

const NO_ROWS: readonly (readonly SqliteValue[])[] = Object.freeze([]);

/** Of one index. A definition asks it in a few ways. */
const MOST = 16;

export function createKnownQueries(): KnownQueries {
  // An index that is laid out anew has another layout.
  const byLayout = new WeakMap<IndexLayout, KnownQuery[]>();
  return {
    rows(layout, asked, now) {
      const all = byLayout.get(layout);
      if (all === undefined || asked.after !== null) return null;
      for (let at = 0; at < all.length; at++) {
        const known = all[at]!;
        if (!fits(known, asked)) continue;
        const values = known.sources.map((source) => bound(source, asked, now));
        if (limitOf(asked) > 1) return known.statement.rowsOf(values);
        const row = known.statement.rowOf(...values);
        return row === undefined ? NO_ROWS : [row];
      }
      return null;
    },
    learn(layout, asked, statement) {
      if (asked.after !== null || !asked.where.every(isEquality)) return;
      const all = byLayout.get(layout) ?? [];
      byLayout.set(layout, all);
      if (all.length === MOST) return;
      all.push({
        columns: asked.where.map(({ column }) => column),
        order: asked.order.slice(),
        wantsMore: asked.wantsMore !== false,
        statement,
        sources: statement.names.map(sourceOf),
      });
    },
  };
}

function isEquality(filter: Filter): filter is Extract<Filter, { op: 'eq' | 'gt' | 'gte' | 'lt' | 'lte' }> {
  return filter.op === 'eq';
}

function fits({ columns, order, wantsMore }: KnownQuery, asked: IndexQuery): boolean {
  if (columns.length !== asked.where.length || wantsMore !== (asked.wantsMore !== false)) return false;
  for (let at = 0; at < columns.length; at++) {
    const filter = asked.where[at]!;
    if (filter.op !== 'eq' || filter.column !== columns[at]) return false;
  }
  if (order.length !== asked.order.length) return false;
  for (let at = 0; at < order.length; at++) {
    const { column, descending } = asked.order[at]!;
    if (column !== order[at]!.column || descending !== order[at]!.descending) return false;
  }
  return true;
}

/** Filters are numbered: `f0`, `f1`, ... */
function sourceOf(name: string): number {
  if (name === 'now') return NOW;
  if (name === 'collection') return COLLECTION;
  if (name === 'limit') return LIMIT;
  if (/^f\d+$/.test(name)) return Number(name.slice(1));
  throw new Error(`A query by equality binds "${name}"`);
}

/** One row more than a page has tells whether there are more. */
function limitOf({ limit, wantsMore }: IndexQuery): number {
  return limit + (wantsMore === false ? 0 : 1);
}

function bound(source: number, asked: IndexQuery, now: number): SqliteValue {
  if (source === NOW) return now;
  if (source === COLLECTION) return asked.collection;
  if (source === LIMIT) return limitOf(asked);
  const filter = asked.where[source];
  return filter !== undefined && isEquality(filter) ? encodeScalar(filter.value) : null;
}

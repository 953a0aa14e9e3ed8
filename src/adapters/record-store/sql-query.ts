import { sql } from 'kysely';
import { type EncodedFilter, encodeFilter, type ListFilter, pinnedValue } from '../../ports/encoded-filter.ts';
import type { Filter, Order } from '../../ports/record-store.ts';
import type { IndexLayout } from './sql-layout.ts';
import { isInOrder } from './sql-order.ts';
import { type Bindings, type BoundValue, type Fragment, param, type SqlDialect } from './sql-statement.ts';

/**
 * A query's shape (which statement answers it) and its values (what is bound). Equal shapes have equal statements: filters are numbered,
 * lists are bound whole.
 */
export interface PlannedQuery {
  readonly shape: string;
  readonly values: Bindings;
  /** Null when no row can fit. */
  readonly source: Source | null;
}

export interface Source {
  readonly layout: IndexLayout;
  readonly filters: readonly EncodedFilter[];
  /** Place of the filter whose side table is read instead of the main one; -1 for the main one. */
  readonly side: number;
  /** Null unless the rows are looked up value by value. */
  readonly spread: Spread | null;
}

/**
 * A filter for one of several values, of which each alone would leave the rest in the order asked for: the first rows of each value are looked
 * up, and the first of them all are the page. The filter itself stands among the others with one value.
 */
export interface Spread {
  readonly place: number;
  /** How many values are bound, one by one: a power of two, so that there are not too many shapes. The last may come more than once. */
  readonly count: number;
}

/** With more values than this, everything that fits is found and sorted. */
const MOST_SPREAD = 16;

/** Brings filters to the form that statements are made from. `now` decides what has expired; without `order` rows come in any. */
export function planQuery(
  layout: IndexLayout,
  where: readonly Filter[],
  now: number,
  order: readonly Order[] | null = null,
  chooseSide: typeof sideFilter = sideFilter,
): PlannedQuery {
  let filters: EncodedFilter[] = [];
  let isImpossible = false;
  for (const asked of where) {
    const filter = encodeFilter(asked);
    const [only] = filter.kind === 'in' && filter.values.length === 1 ? filter.values : [];
    if (only !== undefined) filters.push({ kind: 'eq', column: filter.column, value: only });
    else if (!isEmpty(filter)) filters.push(filter);
    // All of nothing is true of every record, one of nothing is true of none.
    else if (filter.kind !== 'all') isImpossible = true;
  }
  let side = chooseSide(layout, filters);
  const values: Record<string, BoundValue> = { now };
  const found = order === null ? null : spreadOf(layout, filters, side, order);
  if (found !== null) {
    for (let at = 0; at < found.spread.count; at++)
      values[`f${found.spread.place}v${at}`] = found.all[Math.min(at, found.all.length - 1)] ?? null;
    ({ filters, side } = found);
  }
  const spread = found?.spread ?? null;
  let shape = `${layout.table}:${side}`;
  for (let place = 0; place < filters.length; place++) {
    const filter = filters[place]!;
    shape += `|${filter.kind} ${filter.column}`;
    if (place === spread?.place) shape += ` of ${spread.count}`;
    else if (filter.kind === 'eq') values[`f${place}`] = filter.value;
    else if (filter.kind === 'range') {
      shape += `${filter.fromOpen ? '(' : '['}${filter.toOpen ? ')' : ']'}`;
      values[`f${place}`] = filter.from;
      values[`t${place}`] = filter.to;
    } else if (place === side) {
      if (filter.values.length > 1) shape += ' more';
      values[`f${place}`] = filter.values[0] ?? null;
      values[`t${place}`] = filter.values;
    } else values[`f${place}`] = filter.values;
  }
  return { shape, values, source: isImpossible ? null : { layout, filters, side, spread } };
}

/** The filter to spread, if any, with what the query is for one of its values. */
function spreadOf(
  layout: IndexLayout,
  filters: readonly EncodedFilter[],
  side: number,
  order: readonly Order[],
): {
  readonly spread: Spread;
  readonly all: readonly string[];
  readonly filters: EncodedFilter[];
  readonly side: number;
} | null {
  for (const [place, filter] of filters.entries()) {
    if (filter.kind !== 'in' && filter.kind !== 'any') continue;
    const { values: all, column } = filter;
    if (all.length < 2 || all.length > MOST_SPREAD || isInOrder({ layout, filters, side }, order)) continue;
    const [first = ''] = all;
    const one: EncodedFilter =
      filter.kind === 'in' ? { kind: 'eq', column, value: first } : { kind: 'any', column, values: [first] };
    const pinned = filters.with(place, one);
    const pinnedSide = sideFilter(layout, pinned);
    if (!isInOrder({ layout, filters: pinned, side: pinnedSide }, order, true)) continue;
    const count = 2 ** Math.ceil(Math.log2(all.length));
    return { spread: { place, count }, all, filters: pinned, side: pinnedSide };
  }
  return null;
}

export function selectCount(dialect: SqlDialect, source: Source): Fragment {
  return sql`SELECT count(*) FROM ${tableOf(source)} AS s WHERE ${sql.join([...conditionsOf(dialect, source)], sql` AND `)}`;
}

export interface ConditionOptions {
  /** Number of the value of a spread filter. */
  readonly at?: number;
  /** Rows come one by one, from an index or from what was found before: no filter is to find any, each only looks at the row. */
  readonly oneByOne?: boolean;
  /**
   * The column in which rows lie beyond a position: that is where the walk is to begin. A range of the same column is only looked at on that side,
   * because a database that seeks by one bound of two would begin at the range, and walk all the way to the position.
   */
  readonly beyond?: Order | undefined;
}

/** What rows of the source's table, `s`, fulfil. */
export function* conditionsOf(
  dialect: SqlDialect,
  source: Source,
  { at = 0, oneByOne = false, beyond }: ConditionOptions = {},
): Iterable<Fragment> {
  for (const [place, filter] of source.filters.entries()) {
    const from = param(place === source.spread?.place ? `f${place}v${at}` : `f${place}`);
    switch (filter.kind) {
      case 'eq':
        yield sql`${scalar(source.layout, filter.column)} = ${from}`;
        break;
      case 'in':
        yield dialect.isOneOf(scalar(source.layout, filter.column), from);
        break;
      case 'range': {
        const column = scalar(source.layout, filter.column);
        const begun = beyond?.column === filter.column ? beyond : null;
        const lower = begun?.descending === false ? dialect.onlyLooked(column) : column;
        const upper = begun?.descending === true ? dialect.onlyLooked(column) : column;
        yield sql`${lower} ${filter.fromOpen ? sql`>` : sql`>=`} ${from}`;
        yield sql`${upper} ${filter.toOpen ? sql`<` : sql`<=`} ${param(`t${place}`)}`;
        break;
      }
      default:
        yield* elementConditions(dialect, source, filter, place, from, oneByOne);
    }
  }
  yield sql`s.expires_at > ${param('now')}`;
}

function* elementConditions(
  dialect: SqlDialect,
  source: Source,
  filter: ListFilter,
  place: number,
  from: Fragment,
  oneByOne: boolean,
): Iterable<Fragment> {
  const side = sql.table(source.layout.sides.get(filter.column) ?? '');
  if (place === source.side) {
    yield sql`s.value = ${from}`;
    if (filter.kind !== 'all' || filter.values.length === 1) return;
  }
  if (filter.kind === 'all') {
    const values = place === source.side ? param(`t${place}`) : from;
    yield sql`NOT EXISTS (SELECT 1 FROM ${dialect.elements(values)} AS j WHERE NOT EXISTS (SELECT 1 FROM ${side} AS e WHERE e.key = s.key AND e.value = j.value))`;
    return;
  }
  const isOneOf = dialect.isOneOf(sql`e.value`, from);
  const tie = sql.ref(dialect.tie);
  // A count, because databases turn both IN and EXISTS into whichever of the two they believe to be cheaper.
  yield oneByOne
    ? sql`0 < (SELECT count(*) FROM ${side} AS e WHERE e.key = s.key AND ${isOneOf})`
    : sql`s.${tie} IN (SELECT e.${tie} FROM ${side} AS e WHERE ${isOneOf})`;
}

/**
 * Chooses the side table to read, if any: one whose column belongs to a key that the filters pin altogether; failing that, unless they pin
 * a key of scalars, any that they pin.
 */
function sideFilter(layout: IndexLayout, filters: readonly EncodedFilter[]): number {
  const isElement = (filter: EncodedFilter): boolean =>
    (filter.kind === 'any' || filter.kind === 'all') && pinnedValue(filter) !== null;
  if (!filters.some(isElement)) return -1;
  const pinned = new Set(filters.filter((filter) => pinnedValue(filter) !== null).map(({ column }) => column));
  const served = layout.spec.keys.filter(
    ({ fields }) => fields.length > 0 && fields.every((field) => pinned.has(field)),
  );
  const best = filters.findIndex(
    (filter) => isElement(filter) && served.some(({ fields }) => fields.includes(filter.column)),
  );
  if (best >= 0) return best;
  return served.length > 0 ? -1 : filters.findIndex(isElement);
}

/** The table that rows, `s`, come from. */
export function tableOf({ layout, filters, side }: Source): Fragment {
  const filter = filters[side];
  return sql.table((filter === undefined ? undefined : layout.sides.get(filter.column)) ?? layout.table);
}

export function scalar(layout: IndexLayout, column: string): Fragment {
  return sql.ref(`s.${layout.columns.get(column) ?? ''}`);
}

function isEmpty(filter: EncodedFilter): boolean {
  return 'values' in filter && filter.values.length === 0;
}

import { sql } from 'kysely';
import { type EncodedFilter, encodeFilter, type ListFilter, pinnedValue } from '../../ports/encoded-filter.ts';
import type { Filter, Order, Position } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import type { IndexLayout } from './sqlite-layout.ts';
import { type Bindings, type Fragment, param, type SqliteValue } from './sqlite-statement.ts';

/**
 * A query's shape (which statement answers it) and its values (what is bound). Equal shapes have equal statements: filters are numbered,
 * lists travel as JSON.
 */
export interface PlannedQuery {
  readonly shape: string;
  readonly values: Bindings;
  /** Null when no row can fit. */
  readonly source: Source | null;
}

interface Source {
  readonly layout: IndexLayout;
  readonly filters: readonly EncodedFilter[];
  /** Place of the filter whose side table is read instead of the main one; -1 for the main one. */
  readonly side: number;
}

/** Brings filters to the form that statements are made from. `now` decides what has expired. */
export function planQuery(layout: IndexLayout, where: readonly Filter[], now: number): PlannedQuery {
  const filters: EncodedFilter[] = [];
  let isImpossible = false;
  for (const asked of where) {
    const filter = encodeFilter(asked);
    if (!isEmpty(filter)) filters.push(filter);
    // All of nothing is true of every record, one of nothing is true of none.
    else if (filter.kind !== 'all') isImpossible = true;
  }
  const side = sideFilter(layout, filters);
  const values: Record<string, SqliteValue> = { now };
  let shape = `${layout.table}:${side}`;
  for (let place = 0; place < filters.length; place++) {
    const filter = filters[place]!;
    shape += `|${filter.kind} ${filter.column}`;
    if (filter.kind === 'eq') values[`f${place}`] = filter.value;
    else if (filter.kind === 'range') {
      shape += `${filter.fromOpen ? '(' : '['}${filter.toOpen ? ')' : ']'}`;
      values[`f${place}`] = filter.from;
      values[`t${place}`] = filter.to;
    } else if (place === side) {
      if (filter.values.length > 1) shape += ' more';
      values[`f${place}`] = filter.values[0] ?? null;
      values[`t${place}`] = JSON.stringify(filter.values);
    } else values[`f${place}`] = JSON.stringify(filter.values);
  }
  return { shape, values, source: isImpossible ? null : { layout, filters, side } };
}

/**
 * The rows of one stretch of an ordered query, at most `limit`: key, value, version, then the order's columns. `depth` says where the
 * stretch lies: -1 is everything; otherwise the rows after a position (`a0`, `a1`, ..., `afterKey`) that agree with it in the first
 * `depth` columns and lie beyond it in the next. The stretches of falling depth, one after the other, are all rows after the position;
 * each is one range of a database index, whatever the directions.
 */
export function selectStretch(source: Source, order: readonly Order[], depth: number): Fragment {
  const columns = order.map(({ column }) => scalar(source.layout, column));
  const conditions = [...conditionsOf(source)];
  if (depth >= 0) {
    for (const [place, column] of columns.slice(0, depth).entries())
      conditions.push(sql`${column} = ${param(`a${place}`)}`);
    const next = columns[depth];
    if (next === undefined) conditions.push(sql`s.key > ${param('afterKey')}`);
    else conditions.push(sql`${next} ${order[depth]?.descending ? sql`<` : sql`>`} ${param(`a${depth}`)}`);
  }
  const terms = columns.map((column, place) => (order[place]?.descending ? sql`${column} DESC` : column));
  // CROSS JOIN keeps the index outside and the record inside: SQLite does not swap its sides.
  return sql`SELECT ${sql.join([sql`r.key`, sql`r.value`, sql`r.version`, ...columns])} FROM ${tableOf(source)} AS s
    CROSS JOIN records AS r ON r.collection = ${param('collection')} AND r.key = s.key
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY ${sql.join([...terms, sql`s.key`])} LIMIT ${param('limit')}`;
}

export function selectCount(source: Source): Fragment {
  return sql`SELECT count(*) FROM ${tableOf(source)} AS s WHERE ${sql.join([...conditionsOf(source)], sql` AND `)}`;
}

/** The values of a position, as `selectStretch` binds them. */
export function positionValues(position: Position): Bindings {
  const values: Record<string, SqliteValue> = { afterKey: position.key };
  for (const [place, value] of position.values.entries()) values[`a${place}`] = encodeScalar(value);
  return values;
}

function* conditionsOf(source: Source): Iterable<Fragment> {
  for (const [place, filter] of source.filters.entries()) {
    const from = param(`f${place}`);
    switch (filter.kind) {
      case 'eq':
        yield sql`${scalar(source.layout, filter.column)} = ${from}`;
        break;
      case 'in':
        yield sql`${scalar(source.layout, filter.column)} IN (SELECT value FROM json_each(${from}))`;
        break;
      case 'range': {
        const column = scalar(source.layout, filter.column);
        yield sql`${column} ${filter.fromOpen ? sql`>` : sql`>=`} ${from}`;
        yield sql`${column} ${filter.toOpen ? sql`<` : sql`<=`} ${param(`t${place}`)}`;
        break;
      }
      default:
        yield* elementConditions(source, filter, place);
    }
  }
  yield sql`s.expires_at > ${param('now')}`;
}

function* elementConditions(source: Source, filter: ListFilter, place: number): Iterable<Fragment> {
  const side = sql.table(source.layout.sides.get(filter.column) ?? '');
  if (place === source.side) {
    yield sql`s.value = ${param(`f${place}`)}`;
    if (filter.kind !== 'all' || filter.values.length === 1) return;
  }
  if (filter.kind === 'all') {
    const values = param(`${place === source.side ? 't' : 'f'}${place}`);
    yield sql`NOT EXISTS (SELECT 1 FROM json_each(${values}) AS j WHERE NOT EXISTS (SELECT 1 FROM ${side} AS e WHERE e.key = s.key AND e.value = j.value))`;
  } else {
    yield sql`s.key IN (SELECT e.key FROM ${side} AS e WHERE e.value IN (SELECT value FROM json_each(${param(`f${place}`)})))`;
  }
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

function tableOf({ layout, filters, side }: Source): Fragment {
  const filter = filters[side];
  return sql.table((filter === undefined ? undefined : layout.sides.get(filter.column)) ?? layout.table);
}

function scalar(layout: IndexLayout, column: string): Fragment {
  return sql.ref(`s.${layout.columns.get(column) ?? ''}`);
}

function isEmpty(filter: EncodedFilter): boolean {
  return 'values' in filter && filter.values.length === 0;
}

import { sql } from 'kysely';
import { type EncodedFilter, encodeFilter, type ListFilter, pinnedValue } from '../../ports/encoded-filter.ts';
import type { Filter, Order, Position } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import type { IndexLayout } from './sql-layout.ts';
import { type Bindings, type BoundValue, type Fragment, param, type SqlDialect, sequenceOf } from './sql-statement.ts';

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
}

/** Brings filters to the form that statements are made from. `now` decides what has expired. */
export function planQuery(
  layout: IndexLayout,
  where: readonly Filter[],
  now: number,
  chooseSide: typeof sideFilter = sideFilter,
): PlannedQuery {
  const filters: EncodedFilter[] = [];
  let isImpossible = false;
  for (const asked of where) {
    const filter = encodeFilter(asked);
    if (!isEmpty(filter)) filters.push(filter);
    // All of nothing is true of every record, one of nothing is true of none.
    else if (filter.kind !== 'all') isImpossible = true;
  }
  const side = chooseSide(layout, filters);
  const values: Record<string, BoundValue> = { now };
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
      values[`t${place}`] = filter.values;
    } else values[`f${place}`] = filter.values;
  }
  return { shape, values, source: isImpossible ? null : { layout, filters, side } };
}

/**
 * The rows of one stretch of an ordered query, at most `limit`: key, value, version, then the order's columns. `depth` says where the
 * stretch lies: -1 is everything; otherwise the rows after a position (`a0`, `a1`, ..., `afterKey`) that agree with it in the first
 * `depth` columns and lie beyond it in the next. The stretches of falling depth, one after the other, are all rows after the position;
 * each is one range of a database index, whatever the directions.
 */
export function selectStretch(dialect: SqlDialect, source: Source, order: readonly Order[], depth: number): Fragment {
  const columns = orderColumns(source, order);
  return sql`SELECT ${sql.join([sql`r.key`, sql`r.value`, sql`r.version`, ...columns])} FROM ${tableOf(source)} AS s
    ${dialect.join} records AS r ON r.collection = ${param('collection')} AND r.key = s.key
    ${stretch(dialect, source, order, depth)}`;
}

/**
 * All rows after a position in one statement, for a database where each statement is a way to go: each stretch gives at most `limit` keys,
 * the first `limit` of them all get their records.
 */
export function selectAfter(dialect: SqlDialect, source: Source, order: readonly Order[]): Fragment {
  const columns = orderColumns(source, order);
  const names = columns.map((_, place) => sql.ref(`o${place}`));
  const depths = Array.from({ length: order.length + 1 }, (_, place) => order.length - place);
  const stretches = depths.map((depth, place) => {
    const named = columns.map((column, at) => sql`, ${column} AS ${names[at]}`);
    return sql`(SELECT ${sql.lit(place)} AS stretch, s.key AS key${sequenceOf(named)} FROM ${tableOf(source)} AS s
      ${stretch(dialect, source, order, depth)})`;
  });
  const terms = names.map((name, place) => (order[place]?.descending ? sql`u.${name} DESC` : sql`u.${name}`));
  return sql`SELECT ${sql.join([sql`r.key`, sql`r.value`, sql`r.version`, ...names.map((name) => sql`u.${name}`)])}
    FROM (${sql.join(stretches, sql` UNION ALL `)}) AS u
    ${dialect.join} records AS r ON r.collection = ${param('collection')} AND r.key = u.key
    ORDER BY ${sql.join([sql`u.stretch`, ...terms, sql`u.key`])} LIMIT ${param('limit')}`;
}

function orderColumns(source: Source, order: readonly Order[]): readonly Fragment[] {
  return order.map(({ column }) => scalar(source.layout, column));
}

/** Conditions, order and limit of one stretch. */
function stretch(dialect: SqlDialect, source: Source, order: readonly Order[], depth: number): Fragment {
  const columns = orderColumns(source, order);
  const conditions = [...conditionsOf(dialect, source)];
  if (depth >= 0) {
    for (const [place, column] of columns.slice(0, depth).entries())
      conditions.push(sql`${column} = ${param(`a${place}`)}`);
    const next = columns[depth];
    if (next === undefined) conditions.push(sql`s.key > ${param('afterKey')}`);
    else conditions.push(sql`${next} ${order[depth]?.descending ? sql`<` : sql`>`} ${param(`a${depth}`)}`);
  }
  const terms = columns.map((column, place) => (order[place]?.descending ? sql`${column} DESC` : column));
  return sql`WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY ${sql.join([...terms, sql`s.key`])} LIMIT ${param('limit')}`;
}

export function selectCount(dialect: SqlDialect, source: Source): Fragment {
  return sql`SELECT count(*) FROM ${tableOf(source)} AS s WHERE ${sql.join([...conditionsOf(dialect, source)], sql` AND `)}`;
}

/** The values of a position, as `selectStretch` binds them. */
export function positionValues(position: Position): Bindings {
  const values: Record<string, BoundValue> = { afterKey: position.key };
  for (const [place, value] of position.values.entries()) values[`a${place}`] = encodeScalar(value);
  return values;
}

/** What rows of the source's table, `s`, fulfil. */
export function* conditionsOf(dialect: SqlDialect, source: Source): Iterable<Fragment> {
  for (const [place, filter] of source.filters.entries()) {
    const from = param(`f${place}`);
    switch (filter.kind) {
      case 'eq':
        yield sql`${scalar(source.layout, filter.column)} = ${from}`;
        break;
      case 'in':
        yield dialect.isOneOf(scalar(source.layout, filter.column), from);
        break;
      case 'range': {
        const column = scalar(source.layout, filter.column);
        yield sql`${column} ${filter.fromOpen ? sql`>` : sql`>=`} ${from}`;
        yield sql`${column} ${filter.toOpen ? sql`<` : sql`<=`} ${param(`t${place}`)}`;
        break;
      }
      default:
        yield* elementConditions(dialect, source, filter, place);
    }
  }
  yield sql`s.expires_at > ${param('now')}`;
}

function* elementConditions(
  dialect: SqlDialect,
  source: Source,
  filter: ListFilter,
  place: number,
): Iterable<Fragment> {
  const side = sql.table(source.layout.sides.get(filter.column) ?? '');
  if (place === source.side) {
    yield sql`s.value = ${param(`f${place}`)}`;
    if (filter.kind !== 'all' || filter.values.length === 1) return;
  }
  if (filter.kind === 'all') {
    const values = param(`${place === source.side ? 't' : 'f'}${place}`);
    yield sql`NOT EXISTS (SELECT 1 FROM ${dialect.elements(values)} AS j WHERE NOT EXISTS (SELECT 1 FROM ${side} AS e WHERE e.key = s.key AND e.value = j.value))`;
  } else {
    yield sql`s.key IN (SELECT e.key FROM ${side} AS e WHERE ${dialect.isOneOf(sql`e.value`, param(`f${place}`))})`;
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

import { sql } from 'kysely';
import type { Order, Position } from '../../ports/record-store.ts';
import { encodeScalar } from '../../ports/scalar-text.ts';
import { isInKeyOrder, isInOrder } from './sql-order.ts';
import { conditionsOf, type Source, scalar, tableOf } from './sql-query.ts';
import { type Bindings, type BoundValue, type Fragment, param, type SqlDialect, sequenceOf } from './sql-statement.ts';

/**
 * The rows of one stretch of a query whose order an index has (`isInOrder`), at most `limit`: key, value, version, then the order's columns.
 * `depth` says where the stretch lies: -1 is everything; otherwise the rows after a position (`a0`, `a1`, ..., `afterKey`) that agree with it
 * in the first `depth` columns and lie beyond it in the next. The stretches of falling depth, one after the other, are all rows after the
 * position; each is one range of a database index, whatever the directions.
 */
export function selectStretch(dialect: SqlDialect, source: Source, order: readonly Order[], depth: number): Fragment {
  const columns = orderColumns(source, order);
  const selected = sql`SELECT ${sql.join([sql`r.key`, sql`r.value`, sql`r.version`, ...columns])}`;
  if (source.layout.spec.isPartial === true || !isInKeyOrder(source, order))
    return sql`${selected} FROM ${tableOf(source)} AS s ${recordsOf(dialect, 's')} ${stretch(dialect, source, order, depth)}`;
  // Along the records, of which each, or nearly so, has a row.
  const rows = dialect.lookUp(tableOf(source), 's', dialect.isRecordOf(sql.ref(`s.${dialect.tie}`)));
  return sql`${selected} FROM records AS r ${rows}
    ${stretch(dialect, source, order, depth, 0, { key: sql`r.key`, among: sql`r.collection = ${param('collection')}` })}`;
}

/** Where a walk has the key of its rows, and what they fulfil beside the query's conditions. */
interface Walk {
  readonly key: Fragment;
  readonly among?: Fragment;
}

const ROWS: Walk = { key: sql`s.key` };

/**
 * A page in one statement: all that fits, or what of it lies after a position. Keys are found, sorted and cut by themselves, and only those
 * that are left get their records. Where an index has the order, of one value or of each, every stretch is a walk along it that ends with the
 * limit; elsewhere all that fits is found first, by whatever finds it best, and sorted.
 */
export function selectPage(dialect: SqlDialect, source: Source, order: readonly Order[], isAfter: boolean): Fragment {
  const names = order.map((_, place) => sql.ref(`o${place}`));
  const columns = orderColumns(source, order).map((column, place) => sql`, ${column} AS ${names[place]}`);
  const rows = sql`SELECT ${tieAndKey(dialect, 's')}${sequenceOf(columns)} FROM ${tableOf(source)} AS s`;
  const sorted = (table: Fragment): Fragment => {
    const terms = names.map((name, place) => sql`${table}.${name}${directionOf(order[place])}`);
    return sql`ORDER BY ${sql.join([...terms, sql`${table}.key`])}`;
  };
  const cut = (found: Fragment, once = sql``): Fragment =>
    sql`SELECT * FROM ${found} AS f ${once} ${sorted(sql`f`)} LIMIT ${param('limit')}`;

  function keys(): Fragment {
    if (source.spread === null && !isInOrder(source, order)) {
      const conditions = [...conditionsOf(dialect, source), ...(isAfter ? [isBeyond(source, order)] : [])];
      return cut(dialect.apart(sql`${rows} WHERE ${sql.join(conditions, sql` AND `)}`));
    }
    const values = Array.from({ length: source.spread?.count ?? 1 }, (_, at) => at);
    const depths = isAfter ? Array.from({ length: order.length + 1 }, (_, place) => order.length - place) : [-1];
    const walks = values.flatMap((at) =>
      depths.map((depth) => sql`${rows} ${stretch(dialect, source, order, depth, at)}`),
    );
    if (walks.length === 1) return sequenceOf(walks);
    const all = sql.join(
      walks.map((walk) => sql`SELECT * FROM (${walk}) AS w`),
      sql` UNION ALL `,
    );
    // A record may have several of the values.
    const same = names.map((name) => sql`, f.${name}`);
    const once = sql`GROUP BY ${tieAndKey(dialect, 'f')}${sequenceOf(same)}`;
    return cut(sql`(${all})`, source.spread === null ? sql`` : once);
  }

  return sql`SELECT ${sql.join([sql`r.key`, sql`r.value`, sql`r.version`, ...names.map((name) => sql`u.${name}`)])} FROM (${keys()}) AS u
    ${recordsOf(dialect, 'u')} ${sorted(sql`u`)}`;
}

/** Joins rows with their records, `r`. */
export function recordsOf(dialect: SqlDialect, rows: string): Fragment {
  return dialect.lookUp(sql.table('records'), 'r', dialect.isRecordOf(sql.ref(`${rows}.${dialect.tie}`)));
}

/** What rows that are not records yet are passed on with: the key, and the tie where it is another. */
export function tieAndKey(dialect: SqlDialect, rows: string): Fragment {
  return sql.join([...new Set(['key', dialect.tie])].map((name) => sql.ref(`${rows}.${name}`)));
}

/** The values of a position, as the statements of pages bind them. */
export function positionValues(position: Position): Bindings {
  const values: Record<string, BoundValue> = { afterKey: position.key };
  for (const [place, value] of position.values.entries()) values[`a${place}`] = encodeScalar(value);
  return values;
}

/** Rows that lie after the position in the order. */
function isBeyond(source: Source, order: readonly Order[]): Fragment {
  const columns = orderColumns(source, order);
  const depths = Array.from({ length: order.length + 1 }, (_, depth) => depth);
  const stretches = depths.map((depth) => sql`(${sql.join(beyond(columns, order, depth), sql` AND `)})`);
  return sql`(${sql.join(stretches, sql` OR `)})`;
}

function beyond(columns: readonly Fragment[], order: readonly Order[], depth: number, key = ROWS.key): Fragment[] {
  const conditions = columns.slice(0, depth).map((column, place) => sql`${column} = ${param(`a${place}`)}`);
  const next = columns[depth];
  if (next === undefined) return [...conditions, sql`${key} > ${param('afterKey')}`];
  return [...conditions, sql`${next} ${order[depth]?.descending ? sql`<` : sql`>`} ${param(`a${depth}`)}`];
}

function orderColumns(source: Source, order: readonly Order[]): readonly Fragment[] {
  return order.map(({ column }) => scalar(source.layout, column));
}

function directionOf(order: Order | undefined): Fragment {
  return order?.descending ? sql` DESC` : sql``;
}

/** Conditions, order and limit of one stretch. */
function stretch(
  dialect: SqlDialect,
  source: Source,
  order: readonly Order[],
  depth: number,
  at = 0,
  { key, among }: Walk = ROWS,
): Fragment {
  const columns = orderColumns(source, order);
  const conditions = [
    ...(among === undefined ? [] : [among]),
    ...conditionsOf(dialect, source, { at, oneByOne: true, beyond: order[depth] }),
    ...(depth < 0 ? [] : beyond(columns, order, depth, key)),
  ];
  const terms = columns.map((column, place) => sql`${column}${directionOf(order[place])}`);
  return sql`WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY ${sql.join([...terms, key])} LIMIT ${param('limit')}`;
}

import type { EncodedFilter } from '../../ports/encoded-filter.ts';
import type { Order } from '../../ports/record-store.ts';
import type { IndexLayout } from './sql-layout.ts';
import type { Source } from './sql-query.ts';

/** In place of a column: the record's key, with which every order and every database index ends. */
const KEY: Order = { column: '', descending: false };

/**
 * Whether walking along one database index gives what fits in this order, so that a page costs what it shows: the columns before the order are
 * pinned, or nothing else narrows the walk and nothing could. Where it could, a page of few finds would go through all there is.
 * `mustBePinned` leaves only the former.
 */
export function isInOrder(
  source: Pick<Source, 'layout' | 'filters' | 'side'>,
  order: readonly Order[],
  mustBePinned = false,
): boolean {
  const { layout, filters } = source;
  const walks = walksOf(source, order);
  if (walks.some(({ isPinned }) => isPinned)) return true;
  if (mustBePinned || walks.length === 0) return false;
  const others = filters.filter(({ column }) => !walks.some(({ open }) => open[0]?.column === column));
  return !others.some((filter) => isFindable(layout, filter));
}

/** Whether an order that there is a walk for (`isInOrder`) is that of the records' keys alone, which no declared key has. */
export function isInKeyOrder(source: Pick<Source, 'layout' | 'filters' | 'side'>, order: readonly Order[]): boolean {
  return source.side < 0 && walksOf(source, order).every(({ first }) => first === KEY);
}

/** The database indexes that have what fits in this order. */
function walksOf({ layout, filters, side }: Pick<Source, 'layout' | 'filters' | 'side'>, order: readonly Order[]) {
  const array = filters[side]?.column ?? null;
  const pinned = new Set(filters.filter(({ kind }) => kind === 'eq').map(({ column }) => column));
  if (array !== null) pinned.add(array);
  const wanted = [...order.filter(({ column }) => !pinned.has(column)), KEY];
  return indexOrders(layout, array)
    .map((columns) => ({
      first: columns[0],
      isPinned: pinned.has(columns[0]?.column ?? ''),
      open: columns.filter(({ column }) => !pinned.has(column)),
    }))
    .filter(({ open }) => wanted.every((term, place) => isSame(term, open[place])));
}

function isSame(one: Order, other: Order | undefined): boolean {
  return one.column === other?.column && one.descending === other.descending;
}

/** The columns of the database indexes of the main table, or of an array's, by their declared names. */
function indexOrders({ spec }: IndexLayout, array: string | null): readonly (readonly Order[])[] {
  const upwards = (column: string): Order => ({ column, descending: false });
  const arrays = new Set(spec.arrays);
  const keys = spec.keys.filter(({ fields }) => {
    const listed = fields.filter((field) => arrays.has(field));
    return array === null ? listed.length === 0 : listed.length === 1 && listed[0] === array;
  });
  return [
    array === null ? [KEY] : [upwards(array), KEY],
    ...keys.map(({ fields, sort }) => [...fields.map(upwards), ...sort, KEY]),
  ];
}

/** Whether a database index begins with what the filter says. */
function isFindable({ spec }: IndexLayout, filter: EncodedFilter): boolean {
  if (filter.kind === 'any' || filter.kind === 'all') return true;
  return spec.keys.some(({ fields, sort }) => (fields[0] ?? sort[0]?.column) === filter.column);
}

import type { Filter, Scalar } from '../../ports/record-store.ts';
import { storableScalar } from '../../ports/scalar-text.ts';
import type { MemoryColumns } from './memory-columns.ts';
import { areOfOneType, compareScalars } from './memory-scalars.ts';

/** Whether the record of a slot fits. */
export type SlotTest = (slot: number) => boolean;

/** Fails with VALUE_INVALID on values that nothing indexed can have. A filter on a column of the other kind fits nothing. */
export function slotTest(columns: MemoryColumns, filter: Filter): SlotTest {
  if ('values' in filter && filter.op !== 'in') {
    const lists = columns.lists(filter.column);
    const asked = filter.values.map(storableScalar);
    if (filter.op === 'any') return (slot) => asked.some((value) => lists?.[slot]?.includes(value) ?? false);
    return (slot) => asked.every((value) => lists?.[slot]?.includes(value) ?? false);
  }
  const values = columns.scalars(filter.column);
  const fits = filter.op === 'in' ? isOneOf(filter.values) : scalarTest(filter.op, storableScalar(filter.value));
  return values === undefined ? () => false : (slot) => fits(values[slot] ?? null);
}

function isOneOf(values: readonly Scalar[]): (value: Scalar) => boolean {
  const asked = values.map(storableScalar);
  return (value) => asked.includes(value);
}

function scalarTest(op: 'eq' | 'prefix' | 'gt' | 'gte' | 'lt' | 'lte', bound: Scalar): (value: Scalar) => boolean {
  switch (op) {
    case 'eq':
      return (value) => value === bound;
    case 'prefix':
      return (value) => typeof value === 'string' && value.startsWith(String(bound));
    case 'gt':
      return (value) => areOfOneType(value, bound) && compareScalars(value, bound) > 0;
    case 'gte':
      return (value) => areOfOneType(value, bound) && compareScalars(value, bound) >= 0;
    case 'lt':
      return (value) => areOfOneType(value, bound) && compareScalars(value, bound) < 0;
    case 'lte':
      return (value) => areOfOneType(value, bound) && compareScalars(value, bound) <= 0;
  }
}

/** The values of which a record must have one in the column for the filter to fit; null where a key cannot tell. */
export function askedValues(columns: MemoryColumns, filter: Filter): readonly Scalar[] | null {
  switch (filter.op) {
    case 'eq':
      return columns.scalars(filter.column) === undefined ? null : [storableScalar(filter.value)];
    case 'in':
      return columns.scalars(filter.column) === undefined ? null : distinct(filter.values);
    case 'any':
      return columns.lists(filter.column) === undefined ? null : distinct(filter.values);
    case 'all': {
      const [first] = filter.values;
      return first === undefined || columns.lists(filter.column) === undefined ? null : [storableScalar(first)];
    }
    default:
      return null;
  }
}

/** Whether every record that has one of `askedValues` fits. */
export function isToldByValues(filter: Filter): boolean {
  return filter.op !== 'all' || filter.values.length === 1;
}

function distinct(values: readonly Scalar[]): readonly Scalar[] {
  return [...new Set(values.map(storableScalar))];
}

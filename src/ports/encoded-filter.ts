import type { Filter } from './record-store.ts';
import { encodeScalar, prefixEnd, typeRange } from './scalar-text.ts';

/** A filter over encoded scalars. Ranges and prefixes are all one kind; a range stays inside the type of its bound. */
export type EncodedFilter =
  | { readonly kind: 'eq'; readonly column: string; readonly value: string }
  | ListFilter
  | RangeFilter;

export interface ListFilter {
  readonly kind: 'in' | 'any' | 'all';
  readonly column: string;
  readonly values: readonly string[];
}

export interface RangeFilter {
  readonly kind: 'range';
  readonly column: string;
  readonly from: string;
  /** Whether `from` itself is out. */
  readonly fromOpen: boolean;
  readonly to: string;
  readonly toOpen: boolean;
}

export function encodeFilter(filter: Filter): EncodedFilter {
  const { column } = filter;
  switch (filter.op) {
    case 'eq':
      return { kind: 'eq', column, value: encodeScalar(filter.value) };
    case 'in':
    case 'any':
    case 'all':
      return { kind: filter.op, column, values: [...new Set(filter.values.map(encodeScalar))] };
    case 'prefix': {
      const from = encodeScalar(filter.value);
      return { kind: 'range', column, from, fromOpen: false, to: prefixEnd(from) ?? from, toOpen: true };
    }
    default: {
      const bound = encodeScalar(filter.value);
      const type = typeRange(filter.value);
      return filter.op === 'gt' || filter.op === 'gte'
        ? { kind: 'range', column, from: bound, fromOpen: filter.op === 'gt', to: type.to, toOpen: true }
        : { kind: 'range', column, from: type.from, fromOpen: false, to: bound, toOpen: filter.op === 'lt' };
    }
  }
}

/** The values that a row must hold in this column for the filter to fit, when that is one value: what a key lookup can use. */
export function pinnedValue(filter: EncodedFilter): string | null {
  if (filter.kind === 'eq') return filter.value;
  if (filter.kind === 'all') return filter.values[0] ?? null;
  if (filter.kind === 'any' || filter.kind === 'in')
    return filter.values.length === 1 ? (filter.values[0] ?? null) : null;
  return null;
}

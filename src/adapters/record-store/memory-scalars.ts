import type { Scalar } from '../../ports/record-store.ts';
import { compareBytes } from '../../shared/compare.ts';

/** Order of two scalars, the one in which `encodeScalar` puts their texts: negative, zero or positive. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'string') return compareBytes(a, b);
  return rank(a) - rank(b);
}

/** Whether a range whose bound is one of them may show the other. */
export function areOfOneType(a: Scalar, b: Scalar): boolean {
  return a === null ? b === null : typeof a === typeof b && b !== null;
}

function rank(value: Scalar): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 2 : 1;
  return typeof value === 'number' ? 3 : 4;
}

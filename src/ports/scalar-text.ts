import { RegistryError } from '../errors/registry-error.ts';
import type { Scalar } from './record-store.ts';

/**
 * Scalars as texts whose byte order is the scalars' order, so that every store sorts and compares alike:
 * null < false < true < numbers < strings. The first character names the type, the rest the value: nothing for null and booleans,
 * 16 hex digits of the double's bits (negative numbers inverted) for numbers, the text itself for strings.
 */
export function encodeScalar(value: Scalar): string {
  const storable = storableScalar(value);
  if (storable === null) return '0';
  if (typeof storable === 'string') return `4${storable}`;
  if (typeof storable === 'number') return `3${encodeNumber(storable)}`;
  return storable ? '2' : '1';
}

/** The scalar as every store keeps it: 0 for -0, which is equal. Fails with VALUE_INVALID on what cannot be indexed. */
export function storableScalar(value: Scalar): Scalar {
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new RegistryError('VALUE_INVALID', { message: 'A number that is indexed must be finite' });
    // Adding zero turns -0 into 0.
    return value + 0;
  }
  if (typeof value === 'string' && !isStorableText(value))
    throw new RegistryError('VALUE_INVALID', { message: UNSTORABLE });
  return value;
}

/** The scalar that `encodeScalar` made the text of. */
export function decodeScalar(text: string): Scalar {
  switch (text[0]) {
    case '0':
      return null;
    case '1':
      return false;
    case '2':
      return true;
    case '3':
      return decodeNumber(text);
    default:
      return text.slice(1);
  }
}

/** Whether a text survives every store as it is: no NUL, no lone surrogate (it has no UTF-8 form). */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** The half-open range of encoded texts, `[from, to)`, that holds every scalar of the value's type. */
export function typeRange(value: Scalar): { readonly from: string; readonly to: string } {
  if (value === null) return { from: '0', to: '1' };
  if (typeof value === 'string') return { from: '4', to: '5' };
  return typeof value === 'number' ? { from: '3', to: '4' } : { from: '1', to: '3' };
}

/**
 * The least text, in UTF-8 byte order, above all texts that start with `prefix`; null when there is none (an empty prefix, or one that
 * consists of the last code point only).
 */
export function prefixEnd(prefix: string): string | null {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point === 0x10ffff) continue;
    // Code points 0xD800 to 0xDFFF are surrogates: no text has them.
    return points.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return null;
}

const UNSTORABLE = 'A text that is indexed may hold neither NUL nor half a surrogate pair';

const view = new DataView(new ArrayBuffer(8));

function encodeNumber(value: number): string {
  view.setFloat64(0, value);
  const negative = view.getUint8(0) >= 0x80;
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  return hex32(negative ? ~high : high ^ 0x80000000) + hex32(negative ? ~low : low);
}

function decodeNumber(text: string): number {
  const high = Number.parseInt(text.slice(1, 9), 16);
  const low = Number.parseInt(text.slice(9, 17), 16);
  const negative = high < 0x80000000;
  view.setUint32(0, negative ? ~high : high ^ 0x80000000);
  view.setUint32(4, negative ? ~low : low);
  return view.getFloat64(0);
}

function hex32(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, '0');
}

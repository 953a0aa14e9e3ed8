import { isByteHandle, plainHandle, StoredValue } from './values.ts';

/**
 * Deep equality of values. Types differ: 1 is not "1". The order of an object's keys does not count; absent is null; a document
 * equals its parsed form, bytes their description.
 */
export function isEqual(a: unknown, b: unknown): boolean {
  const left = plain(a);
  const right = plain(b);
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => isEqual(item, right[index]));
  }
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && isEqual(own(left, name), own(right, name)));
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (value instanceof StoredValue) return value.value;
  return isByteHandle(value) ? plainHandle(value) : value;
}

function own(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name];
}

import { isObject } from '../object-reader.ts';
import type { Json } from '../types.ts';

/** Whether two JSON values are the same; the order of an object's members does not count. */
export function same(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item: Json, index) => same(item, b[index] ?? null));
  }
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && same(a[name] ?? null, b[name] ?? null))
    );
  }
  return a === b;
}

/** Whether a value has all that is asked for: of objects the members named, in lists every element somewhere, else the same. */
export function contains(actual: Json, wanted: Json): boolean {
  if (isObject(wanted)) {
    return (
      isObject(actual) &&
      Object.entries(wanted).every(
        ([name, value]) => Object.hasOwn(actual, name) && contains(actual[name] ?? null, value),
      )
    );
  }
  if (Array.isArray(wanted)) {
    return Array.isArray(actual) && wanted.every((item: Json) => actual.some((other: Json) => contains(other, item)));
  }
  return same(actual, wanted);
}

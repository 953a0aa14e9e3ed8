import { fail } from '../errors/registry-error.ts';
import { isEqual } from './equal.ts';
import { checkListLength, checkTime } from './expression-limits.ts';
import { setOwn } from './member.ts';

/** A function of the expression's as the engine hands it over; `arity` says how many arguments it takes. */
export type Callback = ((...args: unknown[]) => unknown) & { readonly arity?: number };

/** A list as it is, nothing as the empty list, anything else as a list of one. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** An object that is no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names of the members of an object, or of all objects of a list, each once. */
export function keys(value: unknown): unknown[] {
  const names = new Set<string>();
  for (const item of listOf(value)) {
    if (Array.isArray(item)) for (const name of keys(item)) names.add(String(name));
    else if (isObject(item)) for (const name of Object.keys(item)) names.add(name);
  }
  return [...names];
}

/** The member of an object; of a list those of its objects, as a list. */
export function lookup(value: unknown, name: string): unknown {
  if (!Array.isArray(value)) return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value.flatMap((item) => listOf(lookup(item, name)));
}

/** An object as a list of objects with one member each. */
export function spread(value: unknown): unknown[] {
  return listOf(value).flatMap((item) => {
    if (Array.isArray(item)) return spread(item);
    if (!isObject(item)) return [item];
    return Object.entries(item).map(([name, member]) => {
      const single = {};
      setOwn(single, name, member);
      return single;
    });
  });
}

/** Two lists as one; what is no list counts as a list of one. */
export function append(first: unknown, second: unknown): unknown[] {
  checkTime();
  const list = listOf(first);
  const more = listOf(second);
  checkListLength(list.length + more.length);
  return [...list, ...more];
}

/** The list without repetitions, in the order of first appearance. */
export function distinct(value: unknown): unknown[] {
  const scalars = new Set<unknown>();
  const objects: unknown[] = [];
  return listOf(value).filter((item) => {
    if (typeof item !== 'object' || item === null) return !scalars.has(item) && scalars.add(item);
    checkTime();
    return !objects.some((known) => isEqual(known, item)) && objects.push(item) > 0;
  });
}

/** The list from its end. */
export function reverse(list: unknown): unknown[] {
  return [...listOf(list)].reverse();
}

/** The value, then as many of the place and the whole as the callback takes. */
function callWith(callback: Callback, value: unknown, place: unknown, whole: unknown): unknown {
  checkTime();
  const arity = callback.arity ?? callback.length;
  if (arity >= 3) return callback(value, place, whole);
  return arity === 2 ? callback(value, place) : callback(value);
}

/** What the callback gives for each element; nothing for those where it gives nothing. */
export async function map(list: unknown, callback: Callback): Promise<unknown[]> {
  const items = listOf(list);
  const mapped: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const result = await callWith(callback, item, index, items);
    if (Array.isArray(result) && Reflect.get(result, 'sequence') === true) mapped.push([...result]);
    else if (result !== undefined) mapped.push(result);
  }
  return mapped;
}

/** The elements for which the callback gives something true. */
export async function filter(list: unknown, callback: Callback): Promise<unknown[]> {
  const items = listOf(list);
  const kept: unknown[] = [];
  for (const [index, item] of items.entries()) {
    if (isTruthy(await callWith(callback, item, index, items))) kept.push(item);
  }
  return kept;
}

/** What the callback gives for each member of an object. */
export async function each(object: unknown, callback: Callback): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const [name, member] of isObject(object) ? Object.entries(object) : []) {
    const result = await callWith(callback, member, name, object);
    if (result !== undefined) results.push(result);
  }
  return results;
}

/** The object with the members for which the callback gives something true. */
export async function sift(object: unknown, callback: Callback): Promise<object> {
  const kept = {};
  for (const [name, member] of isObject(object) ? Object.entries(object) : []) {
    if (isTruthy(await callWith(callback, member, name, object))) setOwn(kept, name, member);
  }
  return kept;
}

/** The engine's idea of truth: something is in it. */
function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isTruthy);
  if (isObject(value)) return Object.keys(value).length > 0;
  return typeof value !== 'function' && Boolean(value);
}

/** Stable. The comparator says whether its first argument belongs after its second. */
export async function sort(list: unknown, comparator?: Callback): Promise<unknown[]> {
  const items = [...listOf(list)];
  const isAfter = comparator ?? naturalOrder(items);
  for (let width = 1; width < items.length; width *= 2) {
    for (let from = 0; from + width < items.length; from += 2 * width) {
      const left = items.slice(from, from + width);
      const right = items.slice(from + width, from + 2 * width);
      let l = 0;
      let r = 0;
      for (let at = from; l < left.length || r < right.length; at++) {
        checkTime();
        const takeRight = l === left.length || (r < right.length && isTruthy(await isAfter(left[l], right[r])));
        items[at] = takeRight ? right[r++] : left[l++];
      }
    }
  }
  return items;
}

function naturalOrder(items: readonly unknown[]): (a: unknown, b: unknown) => boolean {
  if (items.every((item) => typeof item === 'number')) return (a, b) => Number(a) > Number(b);
  if (items.every((item) => typeof item === 'string')) return (a, b) => String(a) > String(b);
  return fail('EXPRESSION_FAILED', '$sort needs a function unless all elements are numbers or all are texts');
}

import { fail } from '../errors/registry-error.ts';
import { isEqual } from './equal.ts';
import { copyOut } from './expression-copy.ts';
import { checkListLength, checkTextLength, checkTime, EXPRESSION_LIMITS } from './expression-limits.ts';
import { setOwn } from './member.ts';

/**
 * Functions of the expression engine that expressions may call as they are. What is missing: `$eval`, picture strings, whatever is
 * not a function of its arguments (`$now`, `$millis`, `$random`, `$shuffle`), and those that `LENT` replaces.
 */
const BUILT_IN = [
  ...[
    'sum',
    'count',
    'max',
    'min',
    'average',
    'substring',
    'substringBefore',
    'substringAfter',
    'lowercase',
    'uppercase',
  ],
  ...[
    'length',
    'trim',
    'contains',
    'replace',
    'formatBase',
    'number',
    'floor',
    'ceil',
    'round',
    'abs',
    'sqrt',
    'power',
  ],
  ...['boolean', 'not', 'zip', 'single', 'reduce', 'exists', 'merge', 'error', 'assert', 'type', 'base64encode'],
  ...['base64decode', 'encodeUrlComponent', 'encodeUrl', 'decodeUrlComponent', 'decodeUrl'],
];

type Callback = ((...args: unknown[]) => unknown) & { readonly arity?: number };

/** A function lent to expressions. Its parameters are plain names: the engine reads them from its source text. */
interface LentFunction {
  /** In the engine's notation. */
  readonly signature: string;
  readonly run: (...args: never[]) => unknown;
}

/**
 * Functions that replace the engine's. Those that give a list always give one: never an element in its place, never nothing.
 * Those that could make much out of little are bounded.
 */
export const LENT: ReadonlyMap<string, LentFunction> = new Map<string, LentFunction>([
  ['keys', { signature: '<x-:a<s>>', run: keys }],
  ['lookup', { signature: '<x-s:x>', run: lookup }],
  ['spread', { signature: '<x-:a<o>>', run: spread }],
  ['append', { signature: '<xx:a>', run: append }],
  ['distinct', { signature: '<x:a>', run: distinct }],
  ['reverse', { signature: '<a:a>', run: reverse }],
  ['map', { signature: '<af>', run: map }],
  ['filter', { signature: '<af>', run: filter }],
  ['each', { signature: '<o-f:a>', run: each }],
  ['sift', { signature: '<o-f?:o>', run: sift }],
  ['sort', { signature: '<af?:a>', run: sort }],
  ['split', { signature: '<s-(sf)n?:a<s>>', run: split }],
  ['match', { signature: '<s-f<s:o>n?:a<o>>', run: match }],
  ['join', { signature: '<a<s>s?:s>', run: join }],
  ['pad', { signature: '<s-ns?:s>', run: pad }],
  ['string', { signature: '<x-b?:s>', run: string }],
  ['clone', { signature: '<(oa)-:o>', run: clone }],
  ['fromMillis', { signature: '<n-:s>', run: fromMillis }],
  ['toMillis', { signature: '<s-:n>', run: toMillis }],
]);

/** Every function that an expression may call, without `$`. A variable with such a name is read without `$`. */
export const FUNCTIONS: ReadonlySet<string> = new Set([...BUILT_IN, ...LENT.keys()]);

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keys(value: unknown): unknown[] {
  const names = new Set<string>();
  for (const item of listOf(value)) {
    if (Array.isArray(item)) for (const name of keys(item)) names.add(String(name));
    else if (isObject(item)) for (const name of Object.keys(item)) names.add(name);
  }
  return [...names];
}

function lookup(value: unknown, name: string): unknown {
  if (!Array.isArray(value)) return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value.flatMap((item) => listOf(lookup(item, name)));
}

function spread(value: unknown): unknown[] {
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

function append(first: unknown, second: unknown): unknown[] {
  checkTime();
  const list = listOf(first);
  const more = listOf(second);
  checkListLength(list.length + more.length);
  return [...list, ...more];
}

function distinct(value: unknown): unknown[] {
  const scalars = new Set<unknown>();
  const objects: unknown[] = [];
  return listOf(value).filter((item) => {
    if (typeof item !== 'object' || item === null) return !scalars.has(item) && scalars.add(item);
    checkTime();
    return !objects.some((known) => isEqual(known, item)) && objects.push(item) > 0;
  });
}

function reverse(list: unknown): unknown[] {
  return [...listOf(list)].reverse();
}

/** The value, then as many of the place and the whole as the callback takes. */
function callWith(callback: Callback, value: unknown, place: unknown, whole: unknown): unknown {
  checkTime();
  const arity = callback.arity ?? callback.length;
  if (arity >= 3) return callback(value, place, whole);
  return arity === 2 ? callback(value, place) : callback(value);
}

async function map(list: unknown, callback: Callback): Promise<unknown[]> {
  const items = listOf(list);
  const mapped: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const result = await callWith(callback, item, index, items);
    if (Array.isArray(result) && Reflect.get(result, 'sequence') === true) mapped.push([...result]);
    else if (result !== undefined) mapped.push(result);
  }
  return mapped;
}

async function filter(list: unknown, callback: Callback): Promise<unknown[]> {
  const items = listOf(list);
  const kept: unknown[] = [];
  for (const [index, item] of items.entries()) {
    if (isTruthy(await callWith(callback, item, index, items))) kept.push(item);
  }
  return kept;
}

async function each(object: unknown, callback: Callback): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const [name, member] of isObject(object) ? Object.entries(object) : []) {
    const result = await callWith(callback, member, name, object);
    if (result !== undefined) results.push(result);
  }
  return results;
}

async function sift(object: unknown, callback: Callback): Promise<object> {
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
async function sort(list: unknown, comparator?: Callback): Promise<unknown[]> {
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

interface Match {
  readonly match: string;
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  readonly next: () => unknown;
}

/** The matches of a regular expression as the engine hands it over: a function that gives the first match and its follower. */
async function findMatches(text: string, regex: Callback, limit: number | undefined): Promise<Match[]> {
  if (limit !== undefined && limit < 0) fail('EXPRESSION_FAILED', 'The limit of $match or $split is below 0');
  const found: Match[] = [];
  let next: unknown = limit === 0 ? undefined : await regex(text);
  while (isMatch(next)) {
    found.push(next);
    checkListLength(found.length);
    next = found.length === limit ? undefined : await next.next();
  }
  return found;
}

function isMatch(value: unknown): value is Match {
  return isObject(value) && typeof value.match === 'string' && typeof value.next === 'function';
}

async function match(text: string | undefined, regex: Callback, limit?: number): Promise<unknown[]> {
  if (text === undefined) return [];
  const found = await findMatches(text, regex, limit);
  return found.map((one) => ({ match: one.match, index: one.start, groups: one.groups.map((group) => group ?? '') }));
}

async function split(text: string | undefined, separator: string | Callback, limit?: number): Promise<unknown[]> {
  if (text === undefined) return [];
  if (limit !== undefined && limit < 0) fail('EXPRESSION_FAILED', 'The limit of $split is below 0');
  if (typeof separator === 'string') return text.split(separator, limit);
  const pieces: string[] = [];
  let from = 0;
  for (const one of await findMatches(text, separator, limit)) {
    pieces.push(text.slice(from, one.start));
    from = one.end;
  }
  pieces.push(text.slice(from));
  return pieces.slice(0, limit);
}

function join(texts: unknown, separator?: string): string | undefined {
  if (texts === undefined) return undefined;
  const list = listOf(texts).map(String);
  const between = separator ?? '';
  checkTextLength(list.reduce((sum, text) => sum + text.length + between.length, 0));
  return list.join(between);
}

/** Pads at the end, or in front for a negative width; lengths are code points. */
function pad(text: string | undefined, width: number, char?: string): string | undefined {
  if (text === undefined) return undefined;
  checkTextLength(Math.abs(width));
  const fill = [...(char === undefined || char === '' ? ' ' : char)];
  const missing = Math.max(0, Math.trunc(Math.abs(width)) - [...text].length);
  const padding = Array.from({ length: missing }, (_, index) => fill[index % fill.length]).join('');
  return width < 0 ? padding + text : text + padding;
}

function string(value: unknown, pretty?: boolean): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  const plain = copyOut(value, EXPRESSION_LIMITS.textLength);
  // 15 digits hide what binary fractions cannot hold, as the engine does.
  const round = (_name: string, item: unknown) =>
    typeof item === 'number' && !Number.isInteger(item) ? Number(item.toPrecision(15)) : item;
  return JSON.stringify(plain, round, pretty === true ? 2 : 0);
}

function clone(value: unknown): unknown {
  return value === undefined ? undefined : copyOut(value, EXPRESSION_LIMITS.textLength);
}

function fromMillis(millis: number | undefined): string | undefined {
  if (millis === undefined) return undefined;
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? fail('EXPRESSION_FAILED', '$fromMillis: no such time') : date.toISOString();
}

const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

function toMillis(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const millis = ISO_8601.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(millis) ? fail('EXPRESSION_FAILED', '$toMillis needs an ISO 8601 time') : millis;
}

import { fail } from '../errors/registry-error.ts';
import { copyOut } from './expression-copy.ts';
import { EXPRESSION_LIMITS } from './expression-limits.ts';
import { append, distinct, each, filter, keys, lookup, map, reverse, sift, sort, spread } from './expression-lists.ts';
import { join, match, pad, split } from './expression-texts.ts';

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

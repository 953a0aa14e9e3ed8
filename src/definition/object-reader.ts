import { suggest } from './nearest.ts';
import { type Spot, spotOf } from './places.ts';
import type { Reporter } from './reporter.ts';
import type { Json, JsonObject } from './types.ts';

/** Keys that are allowed in every object and mean nothing to the engine. */
export const FREE_KEYS: readonly string[] = ['description', 'comment', 'examples', '$schema'];

/**
 * Reads one object of the definition key by key: gives typed values or the fallback, and reports SHAPE_INVALID for what has the
 * wrong type. `finish` reports as UNKNOWN_KEY every key that was never asked for.
 */
export interface ObjectReader {
  readonly json: JsonObject;
  readonly spot: Spot;
  has(key: string): boolean;
  at(key: string): Spot;
  /** Anything; undefined when absent. */
  any(key: string): Json | undefined;
  text<T>(key: string, fallback: T): string | T;
  /** Reports an absent key too, and gives `""`. */
  requiredText(key: string): string;
  /** A whole number from `min` up, to `max` where there is one. */
  integer(key: string, fallback: number, min?: number, max?: number): number;
  boolean(key: string, fallback: boolean): boolean;
  choice<T extends string>(key: string, options: readonly T[], fallback: T): T;
  /** A list of non-empty texts. */
  texts(key: string): readonly string[];
  /** A text or a list of at least one. */
  textOrTexts(key: string): readonly string[];
  /** An object as written; null when absent. */
  object(key: string): JsonObject | null;
  /** A reader for an object inside; null when absent or not an object. */
  child(key: string): ObjectReader | null;
  /** An object used as a map. */
  map<T>(key: string, read: (value: Json, name: string, spot: Spot) => T | undefined): Readonly<Record<string, T>>;
  list<T>(key: string, read: (value: Json, spot: Spot) => T | undefined): readonly T[];
  require(key: string): void;
  finish(): void;
}

/** A map without a prototype, so that no name finds what is not in it. */
export function createMap<T>(): Record<string, T> {
  return Object.create(null);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a member of a map of objects is a remark (`"comment": "..."`) rather than an entry. */
export function isRemark(name: string, value: Json): boolean {
  return FREE_KEYS.includes(name) && (typeof value === 'string' || (name === 'examples' && Array.isArray(value)));
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function readMap<T>(
  json: JsonObject,
  read: (value: Json, name: string, spot: Spot) => T | undefined,
): Readonly<Record<string, T>> {
  const result = createMap<T>();
  for (const [name, item] of Object.entries(json)) {
    const entry = read(item, name, spotOf(json, name));
    if (entry !== undefined) result[name] = entry;
  }
  return result;
}

/** Null, with a finding, when the value at the spot is not an object. */
export function openObject(value: Json | undefined, spot: Spot, reporter: Reporter): ObjectReader | null {
  if (isObject(value)) return createReader(value, spot, reporter);
  reporter.report('SHAPE_INVALID', spot, `An object is expected here, not ${kindOf(value)}`);
  return null;
}

function createReader(json: JsonObject, spot: Spot, reporter: Reporter): ObjectReader {
  const known = new Set<string>(FREE_KEYS);
  const at = (key: string): Spot => spotOf(json, key);

  function any(key: string): Json | undefined {
    known.add(key);
    return Object.hasOwn(json, key) ? json[key] : undefined;
  }

  function expected(key: string, what: string, value: Json): void {
    reporter.report('SHAPE_INVALID', at(key), `"${key}" must be ${what}, not ${kindOf(value)}`);
  }

  function require(key: string): void {
    if (!Object.hasOwn(json, key))
      reporter.report('SHAPE_INVALID', spot, `"${key}" is missing here`, { fix: `Add "${key}"` });
  }

  function text<T>(key: string, fallback: T): string | T {
    const value = any(key);
    if (value === undefined) return fallback;
    if (typeof value === 'string') return value;
    expected(key, 'a text', value);
    return fallback;
  }

  function list<T>(key: string, read: (value: Json, spot: Spot) => T | undefined): readonly T[] {
    const value = any(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      expected(key, 'a list', value);
      return [];
    }
    return value.flatMap((item: Json, index) => {
      const result = read(item, spotOf(value, index));
      return result === undefined ? [] : [result];
    });
  }

  function nonEmptyText(item: Json, itemSpot: Spot): string | undefined {
    if (typeof item === 'string' && item !== '') return item;
    reporter.report(
      'SHAPE_INVALID',
      itemSpot,
      `A text is expected here, not ${item === '' ? 'an empty one' : kindOf(item)}`,
    );
    return undefined;
  }

  function object(key: string): JsonObject | null {
    const value = any(key);
    if (value === undefined) return null;
    if (isObject(value)) return value;
    expected(key, 'an object', value);
    return null;
  }

  return {
    json,
    spot,
    has: (key) => Object.hasOwn(json, key),
    at,
    any,
    text,
    requiredText(key) {
      require(key);
      const value = text(key, '');
      if (json[key] === '') reporter.report('SHAPE_INVALID', at(key), `"${key}" must not be empty`);
      return value;
    },
    integer(key, fallback, min = 0, max = Number.MAX_SAFE_INTEGER) {
      const value = any(key);
      if (value === undefined) return fallback;
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
      const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
      if (typeof value !== 'number') expected(key, `a whole number ${range}`, value);
      else reporter.report('SHAPE_INVALID', at(key), `"${key}" must be a whole number ${range}, not ${value}`);
      return fallback;
    },
    boolean(key, fallback) {
      const value = any(key);
      if (value === undefined) return fallback;
      if (typeof value === 'boolean') return value;
      expected(key, 'true or false', value);
      return fallback;
    },
    choice(key, options, fallback) {
      const value = text(key, null);
      if (value === null) return fallback;
      const found = options.find((option) => option === value);
      if (found !== undefined) return found;
      reporter.report('SHAPE_INVALID', at(key), `"${key}" cannot be "${value}"`, {
        fix: `One of: ${options.join(', ')}`,
      });
      return fallback;
    },
    texts: (key) => list(key, nonEmptyText),
    textOrTexts(key) {
      const value = any(key);
      if (typeof value === 'string') return [value];
      if (Array.isArray(value) && value.length > 0) return list(key, nonEmptyText);
      if (value !== undefined) expected(key, 'a text or a list of texts', value);
      return [];
    },
    object,
    child(key) {
      const value = object(key);
      return value === null ? null : createReader(value, at(key), reporter);
    },
    map(key, read) {
      const value = object(key);
      return readMap(value ?? {}, read);
    },
    list,
    require,
    finish() {
      for (const key of Object.keys(json)) {
        if (known.has(key)) continue;
        const candidates = [...known].filter((name) => !Object.hasOwn(json, name) && !FREE_KEYS.includes(name));
        const fix = suggest(key, candidates);
        reporter.report('UNKNOWN_KEY', at(key), `"${key}" means nothing here`, { fix, at: 'key' });
      }
    },
  };
}

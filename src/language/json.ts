import { fail, RegistryError } from '../errors/registry-error.ts';
import { parseJsonText } from '../shared/parse-json.ts';
import { findJsonError } from './json-error.ts';
import { isByteHandle, plainHandle, StoredValue } from './values.ts';

/** Deepest nesting that is written; what is deeper holds itself. */
const MAX_WRITE_DEPTH = 1000;

/**
 * JSON text of a value. A document inside is spliced in as its stored text without being parsed; bytes are described; undefined
 * members are left out. Fails with VALUE_INVALID on a value that holds itself, is nested deeper than 1000 or has no JSON form.
 */
export function writeJson(value: unknown): string {
  // Almost always nothing needs splicing, and the runtime's own writer is the quickest.
  if (holdsSpecial(value, 0)) return write(value) ?? 'null';
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (cause) {
    throw new RegistryError('VALUE_INVALID', { message: 'The value has no JSON form', cause });
  }
}

/** Whether a document or bytes are anywhere inside. */
function holdsSpecial(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > MAX_WRITE_DEPTH) fail('VALUE_INVALID', 'The value holds itself or is nested too deeply to be written');
  let found = false;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && holdsSpecial(item, depth + 1)) found = true;
    return found;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  if (!isPlain && (value instanceof StoredValue || isByteHandle(value))) return true;
  // `for in` allocates nothing. Values have no inherited enumerable members; one would only cost a look.
  for (const name in value) {
    const item: unknown = (value as Record<string, unknown>)[name];
    if (typeof item === 'object') {
      if (holdsSpecial(item, depth + 1)) found = true;
    } else if (name === 'isByteHandle' && isByteHandle(value)) {
      return true;
    }
  }
  return found;
}

/** The text of a value that was found to hold itself nowhere; undefined for what JSON leaves out. */
function write(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof StoredValue) return value.text;
  if (isByteHandle(value)) return JSON.stringify(plainHandle(value));
  if (Array.isArray(value)) return `[${value.map((item) => write(item) ?? 'null').join(',')}]`;
  const members: string[] = [];
  for (const [name, item] of Object.entries(value)) {
    const text = write(item);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

/** What JSON from outside may be at most. */
export interface JsonLimits {
  /** Of the text as UTF-8. */
  readonly maxBytes: number;
  /** Arrays and objects inside each other; `[]` is 1 deep. */
  readonly maxDepth: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses JSON that came from outside. Of duplicate keys the last counts, `__proto__` is a key like any other, a byte order mark in
 * front of bytes is skipped. Fails with JSON_TOO_LARGE, JSON_TOO_DEEP, or JSON_INVALID, whose details hold `position` (UTF-16
 * units from 0), `line` and `column` (from 1) where they are known; the text itself is never repeated.
 */
export function parseJson(source: Uint8Array | string, limits: JsonLimits): unknown {
  const text = jsonText(source, limits);
  if (isDeeper(text, limits.maxDepth)) {
    fail('JSON_TOO_DEEP', `The JSON is nested deeper than ${limits.maxDepth}`, { max_depth: limits.maxDepth });
  }
  try {
    return parseJsonText(text);
  } catch {
    // The runtime's message repeats the text, so it is not passed on as cause either.
    const { reason, ...place } = findJsonError(text);
    return fail(
      'JSON_INVALID',
      `The JSON is not valid: ${reason} at line ${place.line}, column ${place.column}`,
      place,
    );
  }
}

/** JSON from outside as text, if it is no larger than it may be. Fails with JSON_TOO_LARGE, and JSON_INVALID on what is not UTF-8. */
export function jsonText(source: Uint8Array | string, { maxBytes }: Pick<JsonLimits, 'maxBytes'>): string {
  if (measure(source, maxBytes) > maxBytes) {
    fail('JSON_TOO_LARGE', `The JSON is larger than ${maxBytes} bytes`, { max_bytes: maxBytes });
  }
  return typeof source === 'string' ? source : decode(source);
}

function measure(source: Uint8Array | string, maxBytes: number): number {
  if (typeof source !== 'string') return source.byteLength;
  // A UTF-16 unit takes at most three bytes: most texts need not be counted.
  return source.length * 3 <= maxBytes ? source.length : Buffer.byteLength(source);
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return fail('JSON_INVALID', 'The JSON is not valid UTF-8');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counted before parsing, so that hostile nesting costs no memory. */
function isDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      for (at += 1; at < text.length; at++) {
        const inner = text.charCodeAt(at);
        if (inner === BACKSLASH) at += 1;
        else if (inner === QUOTE) break;
      }
    } else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (unit === 0x5d || unit === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}

import { parseJsonText } from '../shared/parse-json.ts';
import { createSlices, type Slices } from '../shared/slices.ts';
import { type JsonLimits, jsonText, parseJson, writeJson } from './json.ts';
import { setOwn } from './member.ts';
import { StoredValue } from './values.ts';

/** What is smaller is read at once: in half a millisecond or so. */
const PIECE_UNITS = 64 * 1024;
/** Objects and lists with fewer members are written at once. */
const MANY = 500;

/**
 * As `parseJson`, in slices between which others get their turn: piece after piece by the runtime's own parser, put together here.
 * Takes about a third longer in all. For content that is large; what is small is read at once.
 */
export async function parseJsonInSlices(
  source: Uint8Array | string,
  limits: JsonLimits,
  pieceUnits = PIECE_UNITS,
): Promise<unknown> {
  const text = jsonText(source, limits);
  if (text.length <= pieceUnits) return parseJson(text, limits);
  const value = await new Reader(text, limits.maxDepth, pieceUnits).read();
  // What went wrong, and where, is found by reading all of it once more.
  return value === FAILED ? parseJson(text, limits) : value;
}

const FAILED = Symbol('failed');
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #pieceUnits: number;
  readonly #slices: Slices = createSlices();
  #at = 0;

  constructor(text: string, maxDepth: number, pieceUnits: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#pieceUnits = pieceUnits;
  }

  async read(): Promise<unknown> {
    try {
      const value = await this.#value(0);
      this.#skipSpace();
      return this.#at === this.#text.length ? value : FAILED;
    } catch (error) {
      if (error === FAILED || error instanceof SyntaxError) return FAILED;
      throw error;
    }
  }

  /** A value that may be large; `depth` is that of what it stands in. */
  async #value(depth: number): Promise<unknown> {
    this.#skipSpace();
    const end = this.#endWithin(depth);
    if (end !== null) {
      const start = this.#at;
      this.#at = end;
      return parseJsonText(this.#text.slice(start, end));
    }
    if (this.#slices.isOver()) await this.#slices.rest();
    return this.#text.charCodeAt(this.#at) === OPEN_LIST ? this.#list(depth + 1) : this.#object(depth + 1);
  }

  async #list(depth: number): Promise<unknown[]> {
    const list: unknown[] = [];
    this.#at++;
    do {
      list.push(await this.#value(depth));
    } while (await this.#goesOn(CLOSE_LIST));
    return list;
  }

  async #object(depth: number): Promise<object> {
    const object = {};
    this.#at++;
    do {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) throw FAILED;
      const start = this.#at;
      this.#at = this.#endOfText(start);
      const name: string = JSON.parse(this.#text.slice(start, this.#at));
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at++) !== COLON) throw FAILED;
      setOwn(object, name, await this.#value(depth));
    } while (await this.#goesOn(CLOSE_OBJECT));
    return object;
  }

  /** Whether another member comes, behind a comma. */
  async #goesOn(close: number): Promise<boolean> {
    this.#skipSpace();
    const unit = this.#text.charCodeAt(this.#at++);
    if (this.#slices.isOver()) await this.#slices.rest();
    if (unit === COMMA) return true;
    if (unit === close) return false;
    throw FAILED;
  }

  /** Where the value that begins here ends; null for an object or a list that is longer than a piece. */
  #endWithin(outer: number): number | null {
    const text = this.#text;
    const start = this.#at;
    const first = text.charCodeAt(start);
    if (first === QUOTE) return this.#endOfText(start);
    if (first !== OPEN_OBJECT && first !== OPEN_LIST) return this.#endOfWord(start);
    let depth = outer;
    const stop = Math.min(text.length, start + this.#pieceUnits);
    for (let at = start; at < stop; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) at = this.#endOfText(at) - 1;
      else if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
        if (++depth > this.#maxDepth) throw FAILED;
      } else if ((unit === CLOSE_OBJECT || unit === CLOSE_LIST) && --depth === outer) return at + 1;
    }
    if (stop === text.length) throw FAILED;
    return null;
  }

  #endOfText(start: number): number {
    const text = this.#text;
    for (let at = start + 1; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === BACKSLASH) at++;
      else if (unit === QUOTE) return at + 1;
    }
    throw FAILED;
  }

  /** Of a number, or of true, false and null. */
  #endOfWord(start: number): number {
    let at = start;
    while (at < this.#text.length && /[-+.0-9A-Za-z]/.test(this.#text[at]!)) at++;
    return at;
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }
}

/** Whether a value has so many members, or a member that does, that `writeJsonInSlices` is for it. */
export function hasMany(value: unknown): boolean {
  if (!isPlain(value)) return false;
  return countsMany(value) || Object.values(value).some((item) => isPlain(item) && countsMany(item));
}

/** As `writeJson`, in slices between which others get their turn. */
export async function writeJsonInSlices(value: unknown): Promise<string> {
  return written(value, createSlices(), 2);
}

async function written(value: unknown, slices: Slices, levels: number): Promise<string> {
  if (levels === 0 || !isPlain(value)) return writeJson(value);
  const isList = Array.isArray(value);
  const parts: string[] = [];
  for (const [name, item] of Object.entries(value)) {
    // Most members are small: no promise is made for them.
    const text = levels > 1 && isPlain(item) ? await written(item, slices, levels - 1) : writeJson(item);
    if (isList) parts.push(text);
    else if (item !== undefined) parts.push(`${JSON.stringify(name)}:${text}`);
    if (slices.isOver()) await slices.rest();
  }
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

function countsMany(value: object): boolean {
  if (Array.isArray(value)) return value.length > MANY;
  let count = 0;
  for (const _ in value) if (++count > MANY) return true;
  return false;
}

/** An object or a list, and neither a document nor bytes. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof StoredValue) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !('isByteHandle' in value);
}

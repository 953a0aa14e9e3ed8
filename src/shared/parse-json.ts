/**
 * As `JSON.parse`, also where keys are written with escapes: V8 13.6 takes such a key for another one when it has seen that one before in the
 * same place (`{"a": 1, "\u0062": 1}` comes out with a key `\` after some `{"a": 1, "\\": 1}`), so that what one client sent would change
 * what another one meant. Throws a SyntaxError on what is not JSON.
 */
export function parseJsonText(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\') && hasEscapedKey(text) ? new Reader(text).value() : value;
}

/** Whether a key is written with a backslash. `text` is valid JSON. */
function hasEscapedKey(text: string): boolean {
  for (let start = text.indexOf('"'); start !== -1; ) {
    const end = endOfText(text, start);
    let next = end;
    while (text.charCodeAt(next) <= SPACE) next++;
    if (text.charCodeAt(next) === COLON && text.slice(start, end).includes('\\')) return true;
    start = text.indexOf('"', next);
  }
  return false;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
/** Numbers begin with a digit or a minus, which stands before those. */
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The place behind the text that begins at a quote, in valid JSON. */
export function endOfText(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

/** Reads valid JSON. Objects and lists are put together here; texts and numbers, which stand alone then, are left to `JSON.parse`. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    const first = this.#next();
    if (first === OPEN_LIST) return this.#list();
    if (first === OPEN_OBJECT) return this.#object();
    const start = this.#at;
    if (first === QUOTE) this.#at = endOfText(this.#text, start);
    else {
      while (this.#at < this.#text.length && isWord(this.#text.charCodeAt(this.#at))) this.#at++;
      if (first <= NINE) return Number(this.#text.slice(start, this.#at));
    }
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    this.#at++;
    while (this.#next() !== CLOSE_LIST) {
      list.push(this.value());
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
    return list;
  }

  #object(): object {
    const object = {};
    this.#at++;
    while (this.#next() !== CLOSE_OBJECT) {
      const name = String(this.value());
      this.#next();
      this.#at++;
      // `__proto__` is a key like any other.
      Object.defineProperty(object, name, {
        value: this.value(),
        writable: true,
        enumerable: true,
        configurable: true,
      });
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
    return object;
  }

  /** Goes on to what is no white space, and gives it. */
  #next(): number {
    while (this.#text.charCodeAt(this.#at) <= SPACE) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }
}

/** Of a number, or of true, false and null. */
function isWord(unit: number): boolean {
  return unit > SPACE && unit !== COMMA && unit !== CLOSE_LIST && unit !== CLOSE_OBJECT;
}

import { fail } from '../../errors/registry-error.ts';
import type { SpillPaths } from './spill-paths.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A list or object that is open; the lowest level holds the whole value. */
interface Level {
  readonly isObject: boolean;
  /** Patterns that go on inside. */
  readonly open: number;
  /** Of these, the ones that the member fits which is being read. */
  fitting: number;
  /** Whether a string that comes now is a key. */
  expectsKey: boolean;
  /** The key of that member, its place in a list; null where no pattern asks for it. */
  member: string | number | null;
}

/** A string that a pattern leads to. */
export interface FoundString {
  readonly pattern: number;
  /** Members from the whole value down. */
  readonly path: readonly string[];
}

/**
 * Follows the structure of JSON, chunk by chunk, and finds the strings that patterns lead to. Of text that is not JSON it finds something or
 * other: whoever parses what is left will tell. Nesting deeper than allowed fails with JSON_TOO_DEEP at once.
 */
export class JsonScanner {
  /** What `scan` stopped at; null when it came to the end of the chunk. */
  found: FoundString | null = null;
  readonly #paths: SpillPaths;
  readonly #maxDepth: number;
  readonly #levels: Level[] = [];
  #inString = false;
  #isEscaped = false;
  /** The pieces of a key that a pattern asks for. */
  #key: Buffer[] | null = null;

  constructor(paths: SpillPaths, maxDepth: number) {
    this.#paths = paths;
    this.#maxDepth = maxDepth;
    this.#levels.push({ isObject: false, open: 0, fitting: paths.all, expectsKey: false, member: null });
  }

  /**
   * Goes on from a place in a chunk. Stops behind the quote that opens a string which a pattern leads to (and is then to be called again from
   * behind the quote that closes it), else at the end of the chunk. Returns where it stopped.
   */
  scan(chunk: Buffer, from: number): number {
    this.found = null;
    let at = from;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const level = this.#levels.at(-1)!;
      switch (chunk[at++]) {
        case QUOTE:
          if (level.expectsKey) this.#key = level.open === 0 ? null : [];
          else if (this.#find(level)) return at;
          this.#inString = true;
          break;
        case COLON:
          level.expectsKey = false;
          break;
        case COMMA:
          level.expectsKey = level.isObject;
          if (typeof level.member === 'number') level.member += 1;
          break;
        case OPEN_OBJECT:
          this.#enter(level, true);
          break;
        case OPEN_LIST:
          this.#enter(level, false);
          break;
        case CLOSE_OBJECT:
        case CLOSE_LIST:
          if (this.#levels.length > 1) this.#levels.pop();
          break;
      }
    }
    return at;
  }

  #enter(level: Level, isObject: boolean): void {
    const depth = this.#levels.length - 1;
    if (depth >= this.#maxDepth) {
      fail('JSON_TOO_DEEP', `The JSON is nested deeper than ${this.#maxDepth}`, { max_depth: this.#maxDepth });
    }
    const open = level.fitting;
    const fitting = isObject ? 0 : this.#paths.inside(open, depth, null);
    this.#levels.push({ isObject, open, fitting, expectsKey: isObject, member: isObject ? null : 0 });
  }

  #find(level: Level): boolean {
    const pattern = this.#paths.endingAt(level.fitting, this.#levels.length - 1);
    if (pattern < 0) return false;
    this.found = { pattern, path: this.#levels.slice(1).map(({ member }) => String(member)) };
    return true;
  }

  #skipString(chunk: Buffer, from: number): number {
    let isEscaped = this.#isEscaped;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        this.#isEscaped = false;
        if (this.#key !== null) this.#endKey(this.#key, chunk.subarray(from, at));
        return at + 1;
      }
    }
    this.#isEscaped = isEscaped;
    // A copy: the chunk may be gone when the key ends.
    this.#key?.push(Buffer.from(chunk.subarray(from)));
    return chunk.length;
  }

  #endKey(pieces: readonly Buffer[], last: Buffer): void {
    const raw = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
    this.#key = null;
    const level = this.#levels.at(-1)!;
    level.member = readKey(raw);
    level.fitting = level.member === null ? 0 : this.#paths.inside(level.open, this.#levels.length - 2, level.member);
  }
}

/** A key as the parser will read it; null when it will refuse it. */
function readKey(raw: Buffer): string | null {
  if (!raw.includes(BACKSLASH)) return raw.toString();
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return null;
  }
}

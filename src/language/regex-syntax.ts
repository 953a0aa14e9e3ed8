/**
 * Regular expressions as this project understands them: the syntax of ECMAScript with the `u` flag, without what no
 * linear-time engine has (look-around, backreferences). Both engines get a pattern printed from this tree, so that they
 * cannot understand it differently.
 */
export type RegexNode =
  | { readonly kind: 'chars'; readonly chars: CharClass }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly branches: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly body: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: 'group'; readonly body: RegexNode; readonly name: string }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'boundary'; readonly negated: boolean };

/** Inclusive ranges of code points, ascending, neither overlapping nor adjacent. */
export type CharSet = readonly (readonly [number, number])[];

/**
 * What one character may be. `properties` are Unicode properties as `\p{...}` writes them, kept for the engines to resolve;
 * with one of them `set` is every character, which is what the proof must suppose.
 */
export interface CharClass {
  readonly negated: boolean;
  readonly ranges: CharSet;
  readonly properties: readonly { readonly name: string; readonly negated: boolean }[];
  readonly set: CharSet;
}

/** A pattern that cannot be compiled; the message is a sentence for its author. */
export class RegexError extends Error {
  /** Index into the source where the trouble is. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.name = 'RegexError';
    this.position = position;
  }
}

export const LAST_CODE_POINT = 0x10ffff;
export const EVERY_CHAR: CharSet = [[0, LAST_CODE_POINT]];
export const DIGIT: CharSet = [[0x30, 0x39]];
export const WORD: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** White space and line terminators (ECMA-262, section 22.2.2.9). */
export const SPACE: CharSet = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
/** What `.` does not match. */
export const LINE_END: CharSet = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

/** The characters of both sets. */
export function union(a: CharSet, b: CharSet): CharSet {
  return normalize([...a, ...b]);
}

/** All other characters. */
export function complement(set: CharSet): CharSet {
  const result: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) result.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) result.push([next, LAST_CODE_POINT]);
  return result;
}

/** Whether the two sets share a character. */
export function overlaps(a: CharSet, b: CharSet): boolean {
  let left = 0;
  let right = 0;
  for (;;) {
    const one = a[left];
    const other = b[right];
    if (one === undefined || other === undefined) return false;
    if (one[1] < other[0]) left++;
    else if (other[1] < one[0]) right++;
    else return true;
  }
}

/** Ranges in any order as a set. */
export function normalize(ranges: readonly (readonly [number, number])[]): CharSet {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

/** A class of plain ranges. */
export function charClass(ranges: CharSet, negated = false): CharClass {
  return { negated, ranges, properties: [], set: negated ? complement(ranges) : ranges };
}

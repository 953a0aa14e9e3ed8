import { RE2JS } from 're2js';
import type { Problem } from './problem.ts';
import { parseRegex } from './regex-parse.ts';
import { printRegex } from './regex-print.ts';
import { isProvablyLinear } from './regex-proof.ts';
import { isSurelyRe2 } from './regex-re2.ts';
import { RegexError } from './regex-syntax.ts';

export { RegexError } from './regex-syntax.ts';

/** A compiled pattern that takes time linear in the text, whatever the text is. Not anchored unless it says so. */
export interface LinearRegex {
  /** As written. */
  readonly source: string;
  /** Whether the JavaScript engine runs it; otherwise re2js does. The answers are the same. */
  readonly native: boolean;
  test(text: string): boolean;
  /** The first match with its named groups (null prototype; null for a group that took no part), or null. */
  exec(text: string): RegexMatch | null;
}

export interface RegexMatch {
  readonly match: string;
  readonly groups: Readonly<Record<string, string | null>>;
  /** In UTF-16 code units. */
  readonly index: number;
}

/**
 * Compiles a pattern in the syntax of ECMAScript with the `u` flag, where any ASCII punctuation may be escaped; `^` and `$` are the ends
 * of the text, cases differ, flags are not available. A pattern proved harmless runs on the native engine, any other on re2js (which takes very long texts in any case).
 * Throws RegexError on bad syntax and on look-around and backreferences, which no linear-time engine has.
 */
export function compileRegex(source: string): LinearRegex {
  return remembered(compiled, source, () => {
    const node = parseRegex(source);
    const linear = linearRegex(source, printRegex(node, 're2'));
    if (!isProvablyLinear(node)) return linear();
    // Very long texts are rare: the slow engine learns the pattern with the first of them, unless it may find something wrong with it.
    if (!isSurelyRe2(node)) linear();
    return nativeRegex(source, printRegex(node, 'native'), linear);
  });
}

/** Definitions tend to repeat their patterns, and both who checks a pattern and who runs it compile it. */
const compiled = new Map<string, LinearRegex>();
const checked = new Map<string, Problem | null>();
const MOST_REMEMBERED = 1000;

function remembered<T>(known: Map<string, T>, source: string, make: () => T): T {
  const found = known.get(source);
  if (found !== undefined) return found;
  const made = make();
  if (known.size >= MOST_REMEMBERED) known.clear();
  known.set(source, made);
  return made;
}

/** What is wrong with a pattern, or null. */
export function checkRegex(source: string): Problem | null {
  return remembered(checked, source, () => findProblem(source));
}

function findProblem(source: string): Problem | null {
  try {
    compileRegex(source);
    return null;
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    return {
      code: 'REGEX_INVALID',
      message: `${error.message} (at character ${error.position + 1} of ${JSON.stringify(source)})`,
      pointer: '',
    };
  }
}

/** Beyond this length a loop may fill the native engine's backtracking stack, however little time it takes. */
const LONGEST_NATIVE = 1_000_000;

function nativeRegex(source: string, printed: string, linear: () => LinearRegex): LinearRegex {
  const regex = asRegexError(() => new RegExp(printed, 'u'));
  return {
    source,
    native: true,
    test: (text) => (text.length > LONGEST_NATIVE ? linear().test(text) : regex.test(text)),
    exec: (text) => {
      if (text.length > LONGEST_NATIVE) return linear().exec(text);
      const match = regex.exec(text);
      return match === null ? null : { match: match[0], groups: groupsOf(match.groups), index: match.index };
    },
  };
}

/** Compiles when it is first called. */
function linearRegex(source: string, printed: string): () => LinearRegex {
  let made: LinearRegex | null = null;
  const make = (): LinearRegex => {
    const regex = asRegexError(() => RE2JS.compile(printed));
    return {
      source,
      native: false,
      test: (text) => regex.test(text),
      exec: (text) => {
        const matcher = regex.matcher(text);
        return matcher.find()
          ? { match: matcher.group() ?? '', groups: groupsOf(matcher.getNamedGroups()), index: matcher.start() }
          : null;
      },
    };
  };
  return () => {
    made ??= make();
    return made;
  };
}

/** What only an engine knows (which scripts there are) is found out here. */
function asRegexError<T>(compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw new RegexError(
      `The pattern cannot be compiled: ${error instanceof Error ? error.message : String(error)}.`,
      0,
    );
  }
}

function groupsOf(
  groups: Readonly<Record<string, string | null | undefined>> | undefined,
): Record<string, string | null> {
  const result: Record<string, string | null> = Object.create(null);
  for (const [name, value] of Object.entries(groups ?? {})) result[name] = value ?? null;
  return result;
}

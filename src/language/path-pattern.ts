import { isName } from './path.ts';
import type { Problem } from './problem.ts';
import { isRoot } from './read.ts';
import { compileRegex, type LinearRegex, RegexError } from './regex.ts';

export { splitTarget, type Target } from './path-target.ts';

/** The pattern of a route's path, parsed. Unusable when it has problems. */
export interface PathPattern {
  /** As written. */
  readonly source: string;
  readonly problems: readonly Problem[];
  /** In the order written; `multi`: the value may hold slashes. */
  readonly params: readonly { readonly name: string; readonly multi: boolean }[];
  readonly segments: readonly PatternSegment[];
  /** Whether the path must end with a slash; it must not otherwise. The root is neither. */
  readonly trailingSlash: boolean;
}

export type PatternSegment = LiteralSegment | ParamSegment;

export interface LiteralSegment {
  readonly kind: 'literal';
  /** Decoded. */
  readonly text: string;
}

/**
 * `{x}`, `{x+}`, `{x:regex}` or `{x+:regex}` with what stands before and after it. The value is what lies between the two
 * affixes, never empty. The value of a multi is its decoded segments joined with `/`, where a slash that was encoded inside a
 * segment looks like one between segments.
 */
export interface ParamSegment {
  readonly kind: 'param';
  readonly name: string;
  readonly multi: boolean;
  readonly prefix: string;
  readonly suffix: string;
  /** Matches the whole value. */
  readonly regex: LinearRegex | null;
  /** As written; empty without one. */
  readonly regexSource: string;
}

/**
 * Parses the pattern of a path: segments between slashes, each a literal or one parameter with literals around it.
 * Literals are compared with decoded segments.
 */
export function parsePathPattern(source: string): PathPattern {
  const problems: Problem[] = [];
  const report = (message: string, fix?: string) => {
    problems.push({ code: 'PATH_INVALID', message, pointer: '', ...(fix === undefined ? {} : { fix }) });
  };
  if (source === '' || source === '/') return { source, problems, params: [], segments: [], trailingSlash: false };
  if (!source.startsWith('/')) report('A path begins with "/"');
  const pieces = splitPieces(source.replace(/^\//, ''), report);
  const trailingSlash = pieces.length > 1 && pieces.at(-1)?.length === 0;
  if (trailingSlash) pieces.pop();

  const segments: PatternSegment[] = [];
  const params: { name: string; multi: boolean }[] = [];
  for (const piece of pieces) {
    const segment = parseSegment(piece, report);
    if (segment === null) continue;
    segments.push(segment);
    if (segment.kind === 'literal') continue;
    if (params.some((param) => param.name === segment.name))
      report(`The parameter "${segment.name}" stands there twice`);
    params.push({ name: segment.name, multi: segment.multi });
  }
  return { source, problems, params, segments, trailingSlash };
}

type Report = (message: string, fix?: string) => void;
/** A piece of a segment: literal text, or what stands between the braces of a parameter. */
type Piece = { readonly literal: string } | { readonly braces: string };

/** Splits at slashes and braces; inside braces a regex may hold both. */
function splitPieces(source: string, report: Report): Piece[][] {
  const segments: Piece[][] = [];
  let pieces: Piece[] = [];
  let literal = '';
  const flush = () => {
    if (literal !== '') pieces.push({ literal });
    literal = '';
  };
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at);
    if (char === '/') {
      flush();
      segments.push(pieces);
      pieces = [];
    } else if (char === '{') {
      flush();
      const end = closingBrace(source, at);
      if (end < 0) {
        report(`A "{" is not closed in "${source.slice(at)}"`);
        break;
      }
      pieces.push({ braces: source.slice(at + 1, end) });
      at = end;
    } else {
      if (char === '}') report('A "}" closes nothing');
      literal += char;
    }
  }
  flush();
  segments.push(pieces);
  return segments;
}

/** Where the braces that open at `open` close; -1 when they do not. Escapes and classes of a regex may hold braces of their own. */
function closingBrace(source: string, open: number): number {
  let depth = 0;
  let inClass = false;
  for (let at = open; at < source.length; at++) {
    const char = source.charAt(at);
    if (char === '\\') at++;
    else if (inClass) inClass = char !== ']';
    else if (char === '[') inClass = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at;
  }
  return -1;
}

function parseSegment(pieces: readonly Piece[], report: Report): PatternSegment | null {
  for (const piece of pieces) if ('literal' in piece) checkLiteral(piece.literal, pieces.length === 1, report);
  const params = pieces.filter((piece) => 'braces' in piece);
  const [param] = params;
  const [first] = pieces;
  if (first === undefined) {
    report('A segment is empty', 'Remove one of two slashes that stand side by side');
    return null;
  }
  if (param === undefined) return 'literal' in first ? { kind: 'literal', text: first.literal } : null;
  if (params.length > 1) {
    report('A segment holds more than one parameter', 'Take the segment as one parameter and split it with parse.path');
    return null;
  }
  const at = pieces.indexOf(param);
  const affix = (piece: Piece | undefined) => (piece !== undefined && 'literal' in piece ? piece.literal : '');
  return parseParam(param.braces, affix(pieces[at - 1]), affix(pieces[at + 1]), report);
}

function checkLiteral(text: string, isWhole: boolean, report: Report): void {
  if (isWhole && (text === '.' || text === '..')) report(`A path with "${text}" is never matched`);
  const bad = /[%?#\\\p{Cc}]/u.exec(text);
  if (bad !== null)
    report(
      `A path may not hold ${JSON.stringify(bad[0])}`,
      'Literals are compared with the decoded path: write the character itself',
    );
}

function parseParam(inside: string, prefix: string, suffix: string, report: Report): ParamSegment | null {
  const colon = inside.indexOf(':');
  const head = colon < 0 ? inside : inside.slice(0, colon);
  const regexSource = colon < 0 ? '' : inside.slice(colon + 1);
  const multi = head.endsWith('+');
  const name = multi ? head.slice(0, -1) : head;
  if (!isName(name)) {
    report(`"${name}" is not a name`, 'A parameter is {name}, {name+}, {name:regex} or {name+:regex}');
    return null;
  }
  if (isRoot(name) || name === '__proto__') report(`A parameter cannot be called "${name}"`);
  if (colon >= 0 && regexSource === '') report(`The regex of "${name}" is empty`);
  return { kind: 'param', name, multi, prefix, suffix, regex: compileWhole(regexSource, name, report), regexSource };
}

function compileWhole(source: string, name: string, report: Report): LinearRegex | null {
  if (source === '') return null;
  try {
    // On its own first: "a)|(b" is a regex only with something around it.
    compileRegex(source);
    return compileRegex(`^(?:${source})$`);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    report(`The regex of "${name}" is not valid: ${error.message}`);
    return null;
  }
}

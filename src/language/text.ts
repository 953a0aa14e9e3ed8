import { type Path, readPath } from './path.ts';

/** A piece of a text: characters as they are, or a path whose value is put there. */
export type Part =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'path'; readonly path: Path; readonly optional: boolean; readonly slice: Slice | null };

/** `{x:start:length}`, counted in Unicode code points; length null: to the end. */
export interface Slice {
  readonly start: number;
  readonly length: number | null;
}

/** A text in its parts, with what is wrong in it. */
export interface ParsedText {
  /** In order; two literals never stand side by side. */
  readonly parts: readonly Part[];
  readonly problems: readonly { readonly message: string; readonly fix: string }[];
}

type PathPart = Extract<Part, { kind: 'path' }>;

const SLICE = /:([0-9]+)(?::([0-9]+))?/y;

/**
 * Splits a text into its parts: `$path`, `{path}`, `{path?}`, `{path:start:length}`, and `$$`, `{{`, `}}` for the signs
 * themselves. A `$` or `{` before anything else than a name is itself, and so is a single `}`.
 */
export function parseText(text: string): ParsedText {
  const parts: Part[] = [];
  const problems: ParsedText['problems'][number][] = [];
  let literal = '';
  let at = 0;
  const push = (part: PathPart) => {
    if (literal !== '') parts.push({ kind: 'literal', text: literal });
    literal = '';
    parts.push(part);
  };
  while (at < text.length) {
    const sign = text.charAt(at);
    if ((sign === '$' || sign === '{' || sign === '}') && text[at + 1] === sign) {
      literal += sign;
      at += 2;
      continue;
    }
    const named = sign === '$' || sign === '{' ? readPath(text, at + 1) : null;
    const braces = named !== null && sign === '{' ? readBraces(text, at) : null;
    if (braces !== null) {
      push(braces.part);
      at = braces.end;
    } else if (named !== null && sign === '$') {
      push({ kind: 'path', path: named.path, optional: false, slice: null });
      at = named.end;
    } else {
      if (named !== null) problems.push(unclosed(text, at));
      literal += sign;
      at += 1;
    }
  }
  if (literal !== '') parts.push({ kind: 'literal', text: literal });
  return { parts, problems };
}

/** Reads `{path?:start:length}` at `at`; null when that is not what stands there. */
export function readBraces(text: string, at: number): { readonly part: PathPart; readonly end: number } | null {
  const named = text[at] === '{' ? readPath(text, at + 1) : null;
  if (named === null) return null;
  let end = named.end;
  const optional = text[end] === '?';
  if (optional) end += 1;
  SLICE.lastIndex = end;
  const found = SLICE.exec(text);
  if (found !== null) end += found[0].length;
  if (text[end] !== '}') return null;
  const slice =
    found === null ? null : { start: Number(found[1]), length: found[2] === undefined ? null : Number(found[2]) };
  return { part: { kind: 'path', path: named.path, optional, slice }, end: end + 1 };
}

/** The code points from `start` on, `length` of them at most. */
export function sliceText(text: string, slice: Slice): string {
  const from = skip(text, 0, slice.start);
  return slice.length === null ? text.slice(from) : text.slice(from, skip(text, from, slice.length));
}

function skip(text: string, at: number, points: number): number {
  let index = at;
  for (let left = points; left > 0 && index < text.length; left--) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

function unclosed(text: string, at: number): ParsedText['problems'][number] {
  const shown = text.slice(at, at + 24);
  return {
    message: `"${shown}" begins like a substitution but is none`,
    fix: 'A substitution is {name}, {name.member}, {name?} or {name:start:length}; write {{ for a brace that is text',
  };
}

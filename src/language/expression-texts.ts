import { fail } from '../errors/registry-error.ts';
import { checkListLength, checkTextLength } from './expression-limits.ts';
import { type Callback, isObject, listOf } from './expression-lists.ts';

interface Match {
  readonly match: string;
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  readonly next: () => unknown;
}

/** The matches of a regular expression as the engine hands it over: a function that gives the first match and its follower. */
async function findMatches(text: string, regex: Callback, limit: number | undefined): Promise<Match[]> {
  if (limit !== undefined && limit < 0) fail('EXPRESSION_FAILED', 'The limit of $match or $split is below 0');
  const found: Match[] = [];
  let next: unknown = limit === 0 ? undefined : await regex(text);
  while (isMatch(next)) {
    found.push(next);
    checkListLength(found.length);
    next = found.length === limit ? undefined : await next.next();
  }
  return found;
}

function isMatch(value: unknown): value is Match {
  return isObject(value) && typeof value.match === 'string' && typeof value.next === 'function';
}

/** All matches of a regular expression: `{ match, index, groups }` each; a group that took no part is empty. */
export async function match(text: string | undefined, regex: Callback, limit?: number): Promise<unknown[]> {
  if (text === undefined) return [];
  const found = await findMatches(text, regex, limit);
  return found.map((one) => ({ match: one.match, index: one.start, groups: one.groups.map((group) => group ?? '') }));
}

/** The pieces of a text between separators, `limit` of them at most. */
export async function split(
  text: string | undefined,
  separator: string | Callback,
  limit?: number,
): Promise<unknown[]> {
  if (text === undefined) return [];
  if (limit !== undefined && limit < 0) fail('EXPRESSION_FAILED', 'The limit of $split is below 0');
  if (typeof separator === 'string') return text.split(separator, limit);
  const pieces: string[] = [];
  let from = 0;
  for (const one of await findMatches(text, separator, limit)) {
    pieces.push(text.slice(from, one.start));
    from = one.end;
  }
  pieces.push(text.slice(from));
  return pieces.slice(0, limit);
}

/** The texts of a list in one, with the separator between them. */
export function join(texts: unknown, separator?: string): string | undefined {
  if (texts === undefined) return undefined;
  const list = listOf(texts).map(String);
  const between = separator ?? '';
  checkTextLength(list.reduce((sum, text) => sum + text.length + between.length, 0));
  return list.join(between);
}

/** Pads at the end, or in front for a negative width; lengths are code points. */
export function pad(text: string | undefined, width: number, char?: string): string | undefined {
  if (text === undefined) return undefined;
  checkTextLength(Math.abs(width));
  const fill = [...(char === undefined || char === '' ? ' ' : char)];
  const missing = Math.max(0, Math.trunc(Math.abs(width)) - [...text].length);
  const padding = Array.from({ length: missing }, (_, index) => fill[index % fill.length]).join('');
  return width < 0 ? padding + text : text + padding;
}

import type { ParamSegment, PathPattern, PatternSegment } from './path-pattern.ts';
import { areDisjoint } from './regex-disjoint.ts';

/** Kinds of segments, the more specific first: literal before affixed before regex before single before multi. */
export function rank(segment: PatternSegment): number {
  if (segment.kind === 'literal') return 0;
  const form = segment.prefix !== '' || segment.suffix !== '' ? 1 : segment.regex !== null ? 2 : 3;
  return segment.multi ? form + 3 : form;
}

/** Order in which parameters are tried at one place: by rank, then the longer affixes, then those with a regex. */
export function compareParams(a: ParamSegment, b: ParamSegment): number {
  return (
    rank(a) - rank(b) ||
    b.prefix.length - a.prefix.length ||
    b.suffix.length - a.suffix.length ||
    Number(a.regex === null) - Number(b.regex === null)
  );
}

/** Equal for parameters that match the same texts by the same means, whatever their names. */
export function shapeOf(param: ParamSegment): string {
  return JSON.stringify([param.multi, param.prefix, param.suffix, param.regexSource]);
}

/**
 * Whether some path could belong to either pattern with nothing to decide between them. Read left to right, the first
 * difference decides; two patterns of the same shape clash, and so do two whose first difference is one that has no order.
 */
export function patternsClash(a: PathPattern, b: PathPattern): boolean {
  if (a.trailingSlash !== b.trailingSlash) return false;
  const length = Math.min(a.segments.length, b.segments.length);
  for (let index = 0; index < length; index++) {
    const one = a.segments[index];
    const other = b.segments[index];
    if (one === undefined || other === undefined) break;
    const relation = relate(one, other, index === a.segments.length - 1 && index === b.segments.length - 1);
    if (relation === 'undecided') return canBothMatch(a.segments.slice(index + 1), b.segments.slice(index + 1));
    if (relation !== 'same') return false;
  }
  // The longer one goes first; and without a multi no path has both lengths.
  return a.segments.length === b.segments.length;
}

/** `decided`: one is tried before the other, or no text fits both. */
function relate(a: PatternSegment, b: PatternSegment, isLast: boolean): 'same' | 'decided' | 'undecided' {
  if (a.kind === 'literal') return b.kind === 'literal' && a.text === b.text ? 'same' : 'decided';
  if (b.kind === 'literal') return 'decided';
  if (rank(a) !== rank(b)) return 'decided';
  if (shapeOf(a) === shapeOf(b)) return 'same';
  if (a.prefix === b.prefix && a.suffix === b.suffix) {
    // Both have a regex, or one has and is tried first.
    return a.regex === null || b.regex === null || areDisjoint(a.regexSource, b.regexSource) ? 'decided' : 'undecided';
  }
  if (extendsAffixes(a, b) || extendsAffixes(b, a)) return 'decided';
  if (!a.prefix.startsWith(b.prefix) && !b.prefix.startsWith(a.prefix)) return 'decided';
  // Two multis may end at different segments, and then each finds its own suffix.
  const suffixesDiffer = !a.suffix.endsWith(b.suffix) && !b.suffix.endsWith(a.suffix);
  return suffixesDiffer && (!a.multi || isLast) ? 'decided' : 'undecided';
}

/** Whether `a` has the affixes of `b` and more. */
function extendsAffixes(a: ParamSegment, b: ParamSegment): boolean {
  return a.prefix.startsWith(b.prefix) && a.suffix.endsWith(b.suffix);
}

/** Whether some path fits both; true when that is not easily told. */
function canBothMatch(a: readonly PatternSegment[], b: readonly PatternSegment[]): boolean {
  const hasMulti = (segments: readonly PatternSegment[]) =>
    segments.some((segment) => segment.kind === 'param' && segment.multi);
  if (hasMulti(a) || hasMulti(b)) return true;
  return a.length === b.length && a.every((segment, index) => b[index] !== undefined && canOverlap(segment, b[index]));
}

function canOverlap(a: PatternSegment, b: PatternSegment): boolean {
  if (a.kind === 'literal') return b.kind === 'literal' ? a.text === b.text : paramValue(b, a.text) !== null;
  if (b.kind === 'literal') return paramValue(a, b.text) !== null;
  return true;
}

/** The value that a parameter takes from a decoded text, or null when the text does not fit. */
export function paramValue(param: ParamSegment, text: string): string | null {
  const { prefix, suffix, regex } = param;
  if (text.length <= prefix.length + suffix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return null;
  const value = text.slice(prefix.length, text.length - suffix.length);
  // Of a multi with affixes, the first or last segment may be nothing but the affix.
  if (param.multi && (value.startsWith('/') || value.endsWith('/'))) return null;
  return regex === null || regex.test(value) ? value : null;
}

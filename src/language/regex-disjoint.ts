import { parseRegex } from './regex-parse.ts';
import { type CharSet, overlaps, type RegexNode, union } from './regex-syntax.ts';

/**
 * Whether no text is matched as a whole by both patterns, as far as their first characters and their lengths tell.
 * False when they do not tell. Both patterns are valid.
 */
export function areDisjoint(one: string, other: string): boolean {
  const a = outline(parseRegex(one));
  const b = outline(parseRegex(other));
  if (a.max < b.min || b.max < a.min) return true;
  return a.min > 0 && b.min > 0 && !overlaps(a.first, b.first);
}

/** First characters, and the fewest and most characters, of what a pattern matches. */
interface Outline {
  readonly first: CharSet;
  readonly min: number;
  readonly max: number;
}

const NOTHING: Outline = { first: [], min: 0, max: 0 };

function outline(node: RegexNode): Outline {
  switch (node.kind) {
    case 'chars':
      return { first: node.chars.set, min: 1, max: 1 };
    case 'group':
      return outline(node.body);
    case 'sequence':
      return node.items.map(outline).reduce(
        (before, next) => ({
          first: before.min === 0 ? union(before.first, next.first) : before.first,
          min: before.min + next.min,
          max: before.max + next.max,
        }),
        NOTHING,
      );
    case 'choice':
      return node.branches.map(outline).reduce((a, b) => ({
        first: union(a.first, b.first),
        min: Math.min(a.min, b.min),
        max: Math.max(a.max, b.max),
      }));
    case 'repeat': {
      const body = outline(node.body);
      if (node.max === 0 || body.max === 0) return NOTHING;
      return { first: body.first, min: body.min * node.min, max: body.max * node.max };
    }
    default:
      return NOTHING;
  }
}

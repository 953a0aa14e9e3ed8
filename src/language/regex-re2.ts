import type { RegexNode } from './regex-syntax.ts';

/** re2 takes up to 1000 rounds, also of loops in loops, and patterns up to a size that these bounds stay far below. */
const MOST_COPIES = 500;
const MOST_NODES = 500;

/**
 * Whether re2 compiles a pattern for sure. That it does not can have its reason in a Unicode property that it does not know, in loops
 * with many rounds and in the pattern's size; one with any of that is to be tried.
 */
export function isSurelyRe2(node: RegexNode): boolean {
  let nodes = 0;
  const fits = (part: RegexNode, copies: number): boolean => {
    nodes++;
    if (nodes > MOST_NODES) return false;
    switch (part.kind) {
      case 'chars':
        nodes += part.chars.ranges.length;
        return part.chars.properties.length === 0;
      case 'sequence':
        return part.items.every((item) => fits(item, copies));
      case 'choice':
        return part.branches.every((branch) => fits(branch, copies));
      case 'repeat': {
        const rounds = copies * Math.max(1, part.min, part.max === Infinity ? 1 : part.max);
        return rounds <= MOST_COPIES && fits(part.body, rounds);
      }
      case 'group':
        return fits(part.body, copies);
      case 'start':
      case 'end':
      case 'boundary':
        return true;
    }
  };
  return fits(node, 1);
}

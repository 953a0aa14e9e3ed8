import { compileGlob } from '../../shared/glob.ts';

/** At most so many patterns: a set of them is a number with a bit for each. */
export const MAX_PATTERNS = 16;

/**
 * Paths into JSON, followed down from the whole value one member at a time. An element of a pattern is the name of a member, in which `*`
 * stands for any run of characters; the elements of a list fit `*` alone.
 */
export interface SpillPaths {
  /** All patterns. */
  readonly all: number;
  /** Those of a set whose element at `depth` fits a member; `member` is null for the elements of a list. */
  inside(set: number, depth: number, member: string | null): number;
  /** The first of a set that ends at `depth`; -1 when none does. */
  endingAt(set: number, depth: number): number;
}

export function compileSpillPaths(patterns: readonly (readonly string[])[]): SpillPaths {
  const compiled = patterns.map((pattern) =>
    pattern.map((element) => {
      const fits = compileGlob(element);
      return (member: string | null) => (member === null ? element === '*' : fits(member));
    }),
  );
  return {
    all: 2 ** compiled.length - 1,
    inside(set, depth, member) {
      if (set === 0) return 0;
      return compiled.reduce(
        (found, pattern, index) => (set & (1 << index) && pattern[depth]?.(member) ? found | (1 << index) : found),
        0,
      );
    },
    endingAt(set, depth) {
      return set === 0
        ? -1
        : compiled.findIndex((pattern, index) => (set & (1 << index)) !== 0 && pattern.length === depth);
    },
  };
}

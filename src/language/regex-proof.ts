import { type CharSet, overlaps, type RegexNode, union } from './regex-syntax.ts';

/**
 * Proves that a backtracking engine matches a pattern in linear time. The proof is one-sided: no proof does not mean that
 * the pattern is harmful.
 *
 * It looks, from the end of the pattern to its beginning, at every place where the engine has a choice. When the next
 * character decides (the characters that the ways out begin with are disjoint), a wrong way dies at once and costs nothing.
 * When it does not, everything behind the choice may run once for each way. A loop whose exit is undecided runs what follows
 * once for each round. The sum is a polynomial in the length of the text, of which only degree and coefficient are kept.
 */
export function isProvablyLinear(node: RegexNode): boolean {
  const path = walk(node, { first: [], work: { degree: 0, factor: 1 }, decided: true });
  if (path === null) return false;
  const { degree, factor } = path.work;
  // Without an anchor the engine starts again at each character.
  if (!isAnchored(node)) return degree === 0 && factor <= MAX_COEFFICIENT;
  return degree === 0 ? factor <= MAX_CONSTANT : degree === 1 && factor <= MAX_COEFFICIENT;
}

/** Steps for each character of the text, and steps for a pattern whose work does not depend on the text. */
const MAX_COEFFICIENT = 200;
const MAX_CONSTANT = 10_000;

/** At most `factor * length ^ degree` steps. */
interface Work {
  readonly degree: number;
  readonly factor: number;
}

/** The rest of a pattern, from some place on. */
interface Path {
  /** The characters that it may begin with. Matching nothing up to the end of the pattern adds none: then the match is found. */
  readonly first: CharSet;
  readonly work: Work;
  /** Whether the next character decides every choice. */
  readonly decided: boolean;
}

/** The path that begins with `node` and goes on with `after`; null when nothing can be proved. */
function walk(node: RegexNode, after: Path): Path | null {
  switch (node.kind) {
    case 'chars':
      return { first: node.chars.set, work: add(after.work, ONE), decided: after.decided };
    case 'start':
    case 'end':
    case 'boundary':
      return { ...after, work: add(after.work, ONE) };
    case 'group':
      return walk(node.body, after);
    case 'sequence':
      return node.items.reduceRight<Path | null>((rest, item) => (rest === null ? null : walk(item, rest)), after);
    case 'choice':
      return choose(node.branches.map((branch) => walk(branch, after)));
    case 'repeat':
      if (node.max === 0) return after;
      if (node.max === 1) return node.min === 1 ? walk(node.body, after) : choose([walk(node.body, after), after]);
      return loop(node.body, node.min, node.max, after);
  }
}

function choose(ways: readonly (Path | null)[]): Path | null {
  let first: CharSet = [];
  let most: Work = { degree: 0, factor: 0 };
  let sum: Work = { degree: 0, factor: ways.length };
  let decided = true;
  let disjoint = true;
  for (const way of ways) {
    if (way === null) return null;
    if (overlaps(first, way.first)) disjoint = false;
    first = union(first, way.first);
    most = larger(most, way.work);
    sum = add(sum, way.work);
    decided &&= way.decided;
  }
  return disjoint
    ? { first, work: add(most, { degree: 0, factor: ways.length }), decided }
    : { first, work: sum, decided: false };
}

/** A repetition of more than one round. */
function loop(body: RegexNode, min: number, max: number, after: Path): Path | null {
  // A round that may match nothing, and a capture that each round overwrites, are where engines differ.
  if (isNullable(body) || hasGroup(body)) return null;
  const entry = walk(body, { first: [], work: NONE, decided: true });
  if (entry === null) return null;
  const again = entry.first;
  const first = min === 0 ? union(again, after.first) : again;

  let round = walk(body, { first: union(again, after.first), work: NONE, decided: true });
  let exitDecided = min === max || !overlaps(again, after.first);
  if (round !== null && !round.decided) {
    // Inside the loop there is still one way only when nothing but leaving it is undecided.
    round = walk(body, { first: again, work: NONE, decided: true });
    exitDecided = false;
  }
  if (round === null || !round.decided) return null;

  // One way through the loop: each character of the text is read once, however loops nest in it.
  const isUnbounded = max === Infinity;
  const rounds: Work = isUnbounded
    ? { degree: 1, factor: round.work.factor }
    : { degree: round.work.degree, factor: round.work.factor * max };
  if (exitDecided) return { first, work: add(rounds, after.work), decided: after.decided };
  return { first, work: add(rounds, multiply(rounds, add(after.work, ONE))), decided: false };
}

const NONE: Work = { degree: 0, factor: 0 };
const ONE: Work = { degree: 0, factor: 1 };

function add(a: Work, b: Work): Work {
  return { degree: Math.max(a.degree, b.degree), factor: a.factor + b.factor };
}

function multiply(a: Work, b: Work): Work {
  return { degree: a.degree + b.degree, factor: a.factor * b.factor };
}

function larger(a: Work, b: Work): Work {
  return { degree: Math.max(a.degree, b.degree), factor: Math.max(a.factor, b.factor) };
}

/** Whether a match can only begin at the beginning of the text. */
function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case 'start':
      return true;
    case 'sequence':
      return node.items[0] !== undefined && isAnchored(node.items[0]);
    case 'choice':
      return node.branches.every(isAnchored);
    case 'group':
      return isAnchored(node.body);
    default:
      return false;
  }
}

function isNullable(node: RegexNode): boolean {
  switch (node.kind) {
    case 'chars':
      return false;
    case 'sequence':
      return node.items.every(isNullable);
    case 'choice':
      return node.branches.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.body);
    case 'group':
      return isNullable(node.body);
    default:
      return true;
  }
}

function hasGroup(node: RegexNode): boolean {
  switch (node.kind) {
    case 'group':
      return true;
    case 'sequence':
      return node.items.some(hasGroup);
    case 'choice':
      return node.branches.some(hasGroup);
    case 'repeat':
      return hasGroup(node.body);
    default:
      return false;
  }
}

/**
 * Patterns over names, for `access`: `*` stands for any characters but `/` (a segment, or part of one), `**` for any at all;
 * everything else stands for itself. No name is matched in more than its length times the pattern's.
 */
export interface NamePattern {
  readonly source: string;
  matches(name: string): boolean;
}

const SEGMENT = Symbol('*');
const ANYTHING = Symbol('**');
type Token = string | typeof SEGMENT | typeof ANYTHING;

/** A character that a pattern does not name. */
const OTHER = '';
const MAX_STEPS = 10_000;

export function compileNamePattern(source: string): NamePattern {
  return { source, matches: matcherOf(source) };
}

/** Most patterns are a name, or end with their only wildcard: those need no machine. */
function matcherOf(source: string): NamePattern['matches'] {
  const head = source.replace(/\*+$/, '');
  if (head === source && !source.includes('*')) return (name) => name === source;
  if (!head.includes('*')) {
    if (source.length > head.length + 1) return (name) => name.startsWith(head);
    return (name) => name.startsWith(head) && !name.includes('/', head.length);
  }
  const tokens = tokensOf(source);
  return (name) => {
    let states = start(tokens);
    for (const character of name) states = advance(tokens, states, character);
    return states[tokens.length] === true;
  };
}

/**
 * Whether each name that `later` matches is matched by `earlier`, too: `later` is followed through all that it may come to, and `earlier`
 * must be at its end whenever `later` is. False for patterns so tangled that it takes too long to say.
 */
export function includesPattern(earlier: string, later: string): boolean {
  const wide = tokensOf(earlier);
  const narrow = tokensOf(later);
  const alphabet = [...new Set([...wide.filter((token) => typeof token === 'string'), '/', OTHER])];
  const seen = new Set<string>();
  const open: [number, readonly boolean[]][] = [[0, start(wide)]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [at, states] = next;
    const key = `${at} ${states.map(Number).join('')}`;
    if (seen.has(key)) continue;
    if (seen.add(key).size > MAX_STEPS) return false;
    const token = narrow[at];
    if (token === undefined) {
      if (states[wide.length] !== true) return false;
    } else if (typeof token === 'string') {
      open.push([at + 1, advance(wide, states, token)]);
    } else {
      open.push([at + 1, states]);
      for (const character of alphabet) {
        if (token === ANYTHING || character !== '/') open.push([at, advance(wide, states, character)]);
      }
    }
  }
  return true;
}

function tokensOf(source: string): readonly Token[] {
  return (source.match(/\*+|[^*]/gsu) ?? []).map((part) =>
    part === '*' ? SEGMENT : part[0] === '*' ? ANYTHING : part,
  );
}

/** Where in the pattern one may be before the first character: by position, the last one being its end. */
function start(tokens: readonly Token[]): readonly boolean[] {
  const states = new Array<boolean>(tokens.length + 1).fill(false);
  states[0] = true;
  return passWildcards(tokens, states);
}

function advance(tokens: readonly Token[], states: readonly boolean[], character: string): readonly boolean[] {
  const next = new Array<boolean>(states.length).fill(false);
  for (const [at, token] of tokens.entries()) {
    if (states[at] !== true) continue;
    if (token === character) next[at + 1] = true;
    else if (token === ANYTHING || (token === SEGMENT && character !== '/')) next[at] = true;
  }
  return passWildcards(tokens, next);
}

/** A wildcard may stand for nothing. */
function passWildcards(tokens: readonly Token[], states: boolean[]): readonly boolean[] {
  for (const [at, token] of tokens.entries()) {
    if (states[at] === true && typeof token !== 'string') states[at + 1] = true;
  }
  return states;
}

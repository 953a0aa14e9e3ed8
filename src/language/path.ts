/**
 * A path: `name *( "." name / "[" int "]" / "['" chars "']" / "[$" path "]" )`. A name is a letter or `_`, then letters,
 * digits and `_`, so that `$a-$b` is a text of two references.
 */
export interface Path {
  /** As written, without `$` or braces. */
  readonly source: string;
  readonly name: string;
  readonly steps: readonly PathStep[];
}

/** A member by its name or place, or by the value of another path. */
export type PathStep =
  | { readonly kind: 'member'; readonly name: string | number }
  | { readonly kind: 'look'; readonly path: Path };

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const PLACE = /\[([0-9]+)\]/y;

/** Whether the whole text is a name. */
export function isName(text: string): boolean {
  return matchAt(NAME, text, 0)?.[0] === text;
}

/** The longest path that begins at `at`, and where it ends; null when no name begins there. */
export function readPath(text: string, at: number): { readonly path: Path; readonly end: number } | null {
  const name = matchAt(NAME, text, at)?.[0];
  if (name === undefined) return null;
  const steps: PathStep[] = [];
  let end = at + name.length;
  for (;;) {
    const next = readStep(text, end);
    if (next === null) return { path: { source: text.slice(at, end), name, steps }, end };
    steps.push(next.step);
    end = next.end;
  }
}

function readStep(text: string, at: number): { readonly step: PathStep; readonly end: number } | null {
  if (text[at] === '.') {
    const name = matchAt(NAME, text, at + 1)?.[0];
    return name === undefined ? null : { step: { kind: 'member', name }, end: at + 1 + name.length };
  }
  if (text[at] !== '[') return null;
  if (text[at + 1] === "'") {
    const close = text.indexOf("']", at + 2);
    return close < 0 ? null : { step: { kind: 'member', name: text.slice(at + 2, close) }, end: close + 2 };
  }
  if (text[at + 1] === '$') {
    const inner = readPath(text, at + 2);
    return inner === null || text[inner.end] !== ']'
      ? null
      : { step: { kind: 'look', path: inner.path }, end: inner.end + 1 };
  }
  const place = matchAt(PLACE, text, at);
  return place === null ? null : { step: { kind: 'member', name: Number(place[1]) }, end: at + place[0].length };
}

function matchAt(regex: RegExp, text: string, at: number): RegExpExecArray | null {
  regex.lastIndex = at;
  return regex.exec(text);
}

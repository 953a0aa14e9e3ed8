import type { ParamSegment, PathPattern } from './path-pattern.ts';
import { compareParams, paramValue, patternsClash, shapeOf } from './path-precedence.ts';

/** A pattern without problems, the methods that it answers (upper case), and what is found there. */
export interface RouterEntry<T> {
  readonly methods: readonly string[];
  readonly pattern: PathPattern;
  readonly value: T;
}

export interface Router<T> {
  /** Takes a path as `splitTarget` gives it. */
  match(method: string, segments: readonly string[], trailingSlash: boolean): RouteMatch<T>;
}

export type RouteMatch<T> =
  /** The parameters' names and values are in the order of the pattern. */
  | { readonly found: true; readonly value: T; readonly names: readonly string[]; readonly values: readonly string[] }
  /** Methods that the path answers, sorted; empty: there is no such path. */
  | { readonly found: false; readonly allow: readonly string[] };

/** Pairs of entries that some path of one method would fit with nothing to decide between them. */
export function findClashes<T>(
  entries: readonly RouterEntry<T>[],
): readonly { readonly first: T; readonly second: T; readonly method: string }[] {
  const clashes: { first: T; second: T; method: string }[] = [];
  entries.forEach((second, index) => {
    for (const first of entries.slice(0, index)) {
      const method = first.methods.find((name) => second.methods.includes(name));
      if (method !== undefined && patternsClash(first.pattern, second.pattern)) {
        clashes.push({ first: first.value, second: second.value, method });
      }
    }
  });
  return clashes;
}

/**
 * Compiles entries into one tree of segments for each method. Left to right, a literal is tried before an affixed parameter, before one
 * with a regex, before a single, before a multi. A multi takes as many segments as it can while what follows it still matches, so that
 * of several places where the path could be cut the rightmost counts. Only patterns of the asked method compete; HEAD comes with GET
 * unless the same path declares its own. Of two entries that clash the first wins.
 */
export function createRouter<T>(entries: readonly RouterEntry<T>[]): Router<T> {
  const trees = new Map<string, Node<T>>();
  const insertAll = (method: string, from: string) => {
    for (const entry of entries) {
      if (!entry.methods.includes(from)) continue;
      const tree = trees.get(method) ?? newNode<T>();
      trees.set(method, tree);
      insert(tree, entry);
    }
  };
  for (const method of new Set(entries.flatMap((entry) => entry.methods))) insertAll(method, method);
  insertAll('HEAD', 'GET');
  for (const tree of trees.values()) arrange(tree, { next: 0 });

  return {
    match(method, segments, trailingSlash) {
      const tree = trees.get(method);
      const found = tree === undefined ? null : search(tree, segments, trailingSlash);
      if (found !== null) return found;
      const allow = [...trees.keys()].filter((name) => {
        const other = trees.get(name);
        return name !== method && other !== undefined && search(other, segments, trailingSlash) !== null;
      });
      return { found: false, allow: allow.sort() };
    },
  };
}

/** What the patterns with one beginning go on with. */
interface Node<T> {
  /** Place in the tree, counted through. */
  id: number;
  readonly literals: Map<string, Node<T>>;
  /** In the order in which they are tried: singles and then multis. */
  readonly params: Edge<T>[];
  leaf: Leaf<T> | null;
  /** The pattern that ends here with a slash. */
  slashLeaf: Leaf<T> | null;
}

interface Edge<T> {
  readonly param: ParamSegment;
  readonly shape: string;
  readonly node: Node<T>;
}

interface Leaf<T> {
  readonly value: T;
  readonly names: readonly string[];
}

function newNode<T>(): Node<T> {
  return { id: 0, literals: new Map(), params: [], leaf: null, slashLeaf: null };
}

function insert<T>(tree: Node<T>, entry: RouterEntry<T>): void {
  let node = tree;
  for (const segment of entry.pattern.segments) {
    if (segment.kind === 'literal') {
      const next = node.literals.get(segment.text) ?? newNode<T>();
      node.literals.set(segment.text, next);
      node = next;
      continue;
    }
    const shape = shapeOf(segment);
    let edge = node.params.find((candidate) => candidate.shape === shape);
    if (edge === undefined) {
      edge = { param: segment, shape, node: newNode<T>() };
      node.params.push(edge);
    }
    node = edge.node;
  }
  const leaf = { value: entry.value, names: entry.pattern.params.map((param) => param.name) };
  if (entry.pattern.trailingSlash) node.slashLeaf ??= leaf;
  else node.leaf ??= leaf;
}

function arrange<T>(node: Node<T>, counter: { next: number }): void {
  node.id = counter.next++;
  node.params.sort((a, b) => compareParams(a.param, b.param));
  for (const child of node.literals.values()) arrange(child, counter);
  for (const edge of node.params) arrange(edge.node, counter);
}

function search<T>(tree: Node<T>, segments: readonly string[], trailingSlash: boolean): RouteMatch<T> | null {
  const values: string[] = [];
  const leaf = new Search<T>(segments, trailingSlash, values).from(tree, 0);
  return leaf === null ? null : { found: true, value: leaf.value, names: leaf.names, values };
}

/** One walk through a tree; `values` is the stack of what the parameters took. */
class Search<T> {
  readonly #segments: readonly string[];
  readonly #trailingSlash: boolean;
  readonly #values: string[];
  /** Nodes behind a multi from which a place in the path led nowhere. Keeps several multis from multiplying. */
  #dead: Set<number> | null = null;

  constructor(segments: readonly string[], trailingSlash: boolean, values: string[]) {
    this.#segments = segments;
    this.#trailingSlash = trailingSlash;
    this.#values = values;
  }

  from(node: Node<T>, at: number): Leaf<T> | null {
    const segment = this.#segments[at];
    if (segment === undefined) return this.#trailingSlash ? node.slashLeaf : node.leaf;
    // Looking a segment up hashes it.
    const literal = node.literals.size === 0 ? undefined : node.literals.get(segment);
    if (literal !== undefined) {
      const leaf = this.from(literal, at + 1);
      if (leaf !== null) return leaf;
    }
    for (let place = 0; place < node.params.length; place++) {
      const edge = node.params[place]!;
      const leaf = edge.param.multi ? this.#multi(edge, at) : this.#single(edge, segment, at);
      if (leaf !== null) return leaf;
    }
    return null;
  }

  #single(edge: Edge<T>, segment: string, at: number): Leaf<T> | null {
    const value = paramValue(edge.param, segment);
    if (value === null) return null;
    this.#values.push(value);
    const leaf = this.from(edge.node, at + 1);
    if (leaf === null) this.#values.pop();
    return leaf;
  }

  /** Longest first; but a pattern that goes on behind the multi goes before one that ends with it. */
  #multi(edge: Edge<T>, at: number): Leaf<T> | null {
    for (let end = this.#segments.length - 1; end > at; end--) {
      const leaf = this.#behind(edge, at, end);
      if (leaf !== null) return leaf;
    }
    return this.#behind(edge, at, this.#segments.length);
  }

  #behind(edge: Edge<T>, at: number, end: number): Leaf<T> | null {
    const { node } = edge;
    const isEnd = end === this.#segments.length;
    if (!isEnd && node.params.length === 0 && !node.literals.has(this.#segments[end] ?? '')) return null;
    const state = node.id * (this.#segments.length + 1) + end;
    if (this.#dead?.has(state)) return null;
    const value = paramValue(edge.param, this.#segments.slice(at, end).join('/'));
    if (value === null) return null;
    this.#values.push(value);
    const leaf = this.from(node, end);
    if (leaf !== null) return leaf;
    this.#values.pop();
    this.#dead ??= new Set();
    this.#dead.add(state);
    return null;
  }
}

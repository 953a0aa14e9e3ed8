/** A seeded source of numbers in [0, 1): the same seed, the same numbers (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Container = Record<string, unknown> | unknown[];

interface Member {
  readonly container: Container;
  readonly name: string;
  readonly value: unknown;
  /** From the file's root. */
  readonly path: readonly string[];
}

export interface Mutation {
  readonly kind: 'delete' | 'rename' | 'type' | 'operation' | 'drop step';
  /** Where, with the numbers and names that differ between places of one sort replaced by `*`. */
  readonly sort: string;
  readonly pointer: string;
}

/** What says something to people and nothing to the engine. */
const REMARKS = ['$schema', 'description', 'comment', 'examples', 'summary', 'title'];

/** Breaks one thing in a parsed file, which is changed in place. */
export function mutate(json: unknown, operations: readonly string[], random: () => number): Mutation {
  const members = [...membersOf(json, [])];
  for (;;) {
    const member = pick(members, random);
    const kind = pick(['delete', 'rename', 'type', 'operation', 'drop step'] as const, random);
    if (apply(kind, member, operations, random)) {
      return { kind, sort: `${kind} ${sortOf(member)}`, pointer: `/${member.path.join('/')}` };
    }
  }
}

function* membersOf(value: unknown, path: readonly string[]): Generator<Member> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (REMARKS.includes(name)) continue;
    const here = [...path, name];
    yield { container: value as Container, name, value: member, path: here };
    yield* membersOf(member, here);
  }
}

function apply(
  kind: Mutation['kind'],
  { container, name, value }: Member,
  operations: readonly string[],
  random: () => number,
): boolean {
  const isStep = typeof value === 'object' && value !== null && 'op' in value;
  if (Array.isArray(container)) {
    if (kind === 'drop step' && isStep) container.splice(Number(name), 1);
    else if (kind === 'delete' && !isStep) container.splice(Number(name), 1);
    else if (kind === 'rename' && typeof value === 'string') container[Number(name)] = misspell(value, random);
    else if (kind === 'type') container[Number(name)] = otherType(value);
    else return false;
    return true;
  }
  if (kind === 'delete') delete container[name];
  else if (kind === 'operation' && name === 'op')
    container.op = pick(
      operations.filter((op) => op !== value),
      random,
    );
  else if (kind === 'type') container[name] = otherType(value);
  else if (kind === 'rename') {
    const entries = Object.entries(container);
    const changed = misspell(name, random);
    for (const [key] of entries) delete container[key];
    for (const [key, member] of entries) container[key === name ? changed : key] = member;
  } else return false;
  return true;
}

/** One letter doubled, or the last one left out. */
function misspell(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  return text.length > 1 && random() < 0.5 ? text.slice(0, -1) : text.slice(0, at + 1) + text.slice(at);
}

function otherType(value: unknown): unknown {
  if (typeof value === 'string') return 7;
  if (typeof value === 'object') return Array.isArray(value) ? {} : [];
  return String(value);
}

function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('There is nothing to choose from');
  return item;
}

/** Sections whose members have names of their own. */
const NAMED = [
  'fields',
  'documents',
  'schemas',
  'indexes',
  'entities',
  'pipelines',
  'properties',
  'kv_stores',
  'blob_stores',
  'upstreams',
];

function sortOf({ path, container, name }: Member): string {
  const names = path.map((segment, index) =>
    /^\d+$/.test(segment) || NAMED.includes(path[index - 1] ?? '') ? '*' : segment,
  );
  const from = names.lastIndexOf('pipeline');
  const shown = (from === -1 ? names : names.slice(from)).join('/');
  const { op } = container as { op?: unknown };
  return name !== 'op' && typeof op === 'string' && from !== -1 ? `${shown} of ${op}` : shown;
}

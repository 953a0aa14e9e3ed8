import { type Expression, parseExpression } from './expression.ts';
import { type Problem, pointerTo } from './problem.ts';
import { isRoot } from './read.ts';
import { checkRegex } from './regex.ts';
import { parseTemplate, type Template } from './template.ts';
import type { Use } from './use.ts';

export { compileCondition } from './condition-compile.ts';

/** A parsed condition. */
export interface Condition {
  readonly json: unknown;
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
  /** Variables proved not to be null when the condition is true. */
  readonly nonNull: readonly string[];
  /** ... when it is false. */
  readonly nonNullElse: readonly string[];
  readonly node: ConditionNode;
}

/** Comparisons by order. */
export type Ordering = 'lt' | 'lte' | 'gt' | 'gte';

/** What a condition turned out to be. An `all` of nothing is true. */
export type ConditionNode =
  | { readonly kind: 'all' | 'any'; readonly items: readonly ConditionNode[] }
  | { readonly kind: 'not'; readonly item: ConditionNode }
  | { readonly kind: 'null' | 'empty'; readonly operand: Template; readonly negated: boolean }
  | { readonly kind: 'equals' | 'in'; readonly left: Template; readonly right: Template; readonly negated: boolean }
  | { readonly kind: 'order'; readonly ordering: Ordering; readonly left: Template; readonly right: Template }
  | { readonly kind: 'matches'; readonly operand: Template; readonly regex: string }
  | { readonly kind: 'expr'; readonly expression: Expression };

interface Notes {
  readonly uses: Use[];
  readonly problems: Problem[];
}

type Parse = (json: unknown, pointer: string, notes: Notes) => ConditionNode;

const NOTHING: Template = parseTemplate(null);
const TRUE: ConditionNode = { kind: 'all', items: [] };

const OPERATORS = new Map<string, Parse>([
  ['equals', (json, at, notes) => ({ kind: 'equals', ...parsePair(json, at, notes), negated: false })],
  ['not_equals', (json, at, notes) => ({ kind: 'equals', ...parsePair(json, at, notes), negated: true })],
  ['in', (json, at, notes) => ({ kind: 'in', ...parsePair(json, at, notes), negated: false })],
  ['not_in', (json, at, notes) => ({ kind: 'in', ...parsePair(json, at, notes), negated: true })],
  ['is_null', (json, at, notes) => ({ kind: 'null', operand: parseSingle(json, at, notes), negated: false })],
  ['is_not_null', (json, at, notes) => ({ kind: 'null', operand: parseSingle(json, at, notes), negated: true })],
  ['is_empty', (json, at, notes) => ({ kind: 'empty', operand: parseSingle(json, at, notes), negated: false })],
  ['is_not_empty', (json, at, notes) => ({ kind: 'empty', operand: parseSingle(json, at, notes), negated: true })],
  ['lt', (json, at, notes) => ({ kind: 'order', ordering: 'lt', ...parsePair(json, at, notes) })],
  ['lte', (json, at, notes) => ({ kind: 'order', ordering: 'lte', ...parsePair(json, at, notes) })],
  ['gt', (json, at, notes) => ({ kind: 'order', ordering: 'gt', ...parsePair(json, at, notes) })],
  ['gte', (json, at, notes) => ({ kind: 'order', ordering: 'gte', ...parsePair(json, at, notes) })],
  ['matches', parseMatches],
  ['all', (json, at, notes) => ({ kind: 'all', items: parseItems(json, at, notes) })],
  ['any', (json, at, notes) => ({ kind: 'any', items: parseItems(json, at, notes) })],
  ['not', (json, at, notes) => ({ kind: 'not', item: parseNode(json, at, notes) })],
  ['expr', parseExpr],
]);

/** The keys that a condition may have. */
export const CONDITION_KEYS: readonly string[] = [...OPERATORS.keys()];

/** Parses a condition: an object of one or more of the operators; several mean all of them. Nothing is thrown. */
export function parseCondition(json: unknown): Condition {
  const notes: Notes = { uses: [], problems: [] };
  const node = parseNode(json, '', notes);
  const proof = prove(node);
  return { json, ...notes, nonNull: [...proof.whenTrue], nonNullElse: [...proof.whenFalse], node };
}

function parseNode(json: unknown, pointer: string, notes: Notes): ConditionNode {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return refuse('A condition is an object', pointer, notes, `Its keys are ${CONDITION_KEYS.join(', ')}`);
  }
  const entries = Object.entries(json);
  if (entries.length === 0) return refuse('The condition says nothing', pointer, notes);
  const items = entries.map(([key, value]) => {
    const at = pointerTo(pointer, key);
    const parse = OPERATORS.get(key);
    if (parse !== undefined) return parse(value, at, notes);
    return refuse(`"${key}" is no condition`, at, notes, `There are ${CONDITION_KEYS.join(', ')}`);
  });
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: 'all', items };
}

function refuse(message: string, pointer: string, notes: Notes, fix?: string): ConditionNode {
  notes.problems.push({ code: 'CONDITION_INVALID', message, pointer, ...(fix === undefined ? {} : { fix }) });
  return TRUE;
}

function parseOperand(json: unknown, pointer: string, notes: Notes): Template {
  const template = parseTemplate(json);
  for (const use of template.uses) {
    const place = use.place === 'value' ? 'condition' : use.place;
    notes.uses.push({ ...use, place, pointer: pointer + use.pointer });
  }
  for (const problem of template.problems) notes.problems.push({ ...problem, pointer: pointer + problem.pointer });
  return template;
}

function parsePair(
  json: unknown,
  pointer: string,
  notes: Notes,
): { readonly left: Template; readonly right: Template } {
  if (!Array.isArray(json) || json.length !== 2) {
    refuse('Two values are compared here', pointer, notes, 'Write a list of two: ["$name", "value"]');
    return { left: NOTHING, right: NOTHING };
  }
  const [left, right] = json;
  return {
    left: parseOperand(left, pointerTo(pointer, 0), notes),
    right: parseOperand(right, pointerTo(pointer, 1), notes),
  };
}

function parseSingle(json: unknown, pointer: string, notes: Notes): Template {
  if (typeof json === 'string') return parseOperand(json, pointer, notes);
  refuse('One value is tested here', pointer, notes, 'Write a reference: "$name"');
  return NOTHING;
}

function parseItems(json: unknown, pointer: string, notes: Notes): readonly ConditionNode[] {
  if (Array.isArray(json)) return json.map((item, index) => parseNode(item, pointerTo(pointer, index), notes));
  refuse('A list of conditions stands here', pointer, notes, 'Write [{ ... }, { ... }]');
  return [];
}

function parseMatches(json: unknown, pointer: string, notes: Notes): ConditionNode {
  const [operand, regex] = Array.isArray(json) && json.length === 2 ? json : [];
  if (typeof regex !== 'string') {
    return refuse('A value and a literal regular expression stand here', pointer, notes, 'Write ["$name", "^[a-z]+$"]');
  }
  const problem = checkRegex(regex);
  if (problem !== null) notes.problems.push({ ...problem, pointer: pointerTo(pointer, 1) + problem.pointer });
  return { kind: 'matches', operand: parseOperand(operand, pointerTo(pointer, 0), notes), regex };
}

function parseExpr(json: unknown, pointer: string, notes: Notes): ConditionNode {
  if (typeof json !== 'string') return refuse('An expression is a text', pointer, notes, 'Write "{% ... %}"');
  const isWrapped = json.length >= 4 && json.startsWith('{%') && json.endsWith('%}');
  const expression = parseExpression(isWrapped ? json.slice(2, -2) : json, pointer);
  notes.uses.push(...expression.uses);
  notes.problems.push(...expression.problems);
  return { kind: 'expr', expression };
}

interface Proof {
  readonly whenTrue: ReadonlySet<string>;
  readonly whenFalse: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Which variables cannot be null, given how the condition came out. */
function prove(node: ConditionNode): Proof {
  switch (node.kind) {
    case 'all':
    case 'any': {
      const proofs = node.items.map(prove);
      const whenTrue = proofs.map((proof) => proof.whenTrue);
      const whenFalse = proofs.map((proof) => proof.whenFalse);
      return node.kind === 'all'
        ? { whenTrue: inSome(whenTrue), whenFalse: inEach(whenFalse) }
        : { whenTrue: inEach(whenTrue), whenFalse: inSome(whenFalse) };
    }
    case 'not':
      return swap(prove(node.item), true);
    case 'null':
    case 'empty':
      return swap({ whenTrue: NONE, whenFalse: named(node.operand) }, node.negated);
    case 'equals': {
      const proof = proveEquals(node.left, node.right);
      return swap(proof, node.negated);
    }
    case 'in': {
      const list = constantOf(node.right);
      const hasNull = !Array.isArray(list) || list.includes(null);
      return swap({ whenTrue: hasNull ? NONE : named(node.left), whenFalse: NONE }, node.negated);
    }
    case 'order':
      return { whenTrue: inSome([named(node.left), named(node.right)]), whenFalse: NONE };
    case 'matches':
      return { whenTrue: named(node.operand), whenFalse: NONE };
    case 'expr':
      return { whenTrue: NONE, whenFalse: NONE };
  }
}

function inSome(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((names) => [...names]));
}

function inEach(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first = NONE, ...others] = sets;
  return new Set([...first].filter((name) => others.every((names) => names.has(name))));
}

function proveEquals(left: Template, right: Template): Proof {
  if (!left.constant && !right.constant) return { whenTrue: NONE, whenFalse: NONE };
  const [constant, names] = left.constant ? [constantOf(left), named(right)] : [constantOf(right), named(left)];
  return constant === null ? { whenTrue: NONE, whenFalse: names } : { whenTrue: names, whenFalse: NONE };
}

function constantOf(template: Template): unknown {
  return template.node.kind === 'constant' ? template.node.value : undefined;
}

/** The variable whose value, or a member of it, the operand is: when that is there, so is the variable. */
function named(operand: Template): ReadonlySet<string> {
  const { node } = operand;
  return node.kind === 'path' && !isRoot(node.path.name) ? new Set([node.path.name]) : NONE;
}

function swap(proof: Proof, swapped: boolean): Proof {
  return swapped ? { whenTrue: proof.whenFalse, whenFalse: proof.whenTrue } : proof;
}

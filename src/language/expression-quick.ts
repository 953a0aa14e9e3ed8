import { checkTextLength } from './expression-limits.ts';
import type { AstNode } from './expression-walk.ts';
import type { Frame } from './frame.ts';
import type { Read } from './read.ts';
import { isByteHandle, StoredValue } from './values.ts';

/** Evaluates at once, as the expression engine would; `UNSUITED` leaves it to the engine. Fails as the engine does on a text that is too long. */
export type Quick = (frame: Frame) => unknown;

/** The values at hand are none that are treated here: lists, objects as results, operands of other types. */
export const UNSUITED = Symbol('unsuited');

/** Of nodes inside each other, well below what the engine allows. */
const MAX_DEPTH = 16;

/** Functions of texts alone. */
const TEXT_FUNCTIONS: ReadonlyMap<string, (text: string, other: string) => string | boolean> = new Map<
  string,
  (text: string, other: string) => string | boolean
>([
  ['contains', (text: string, other: string) => text.includes(other)],
  [
    'substringBefore',
    (text: string, other: string) => (text.includes(other) ? text.slice(0, text.indexOf(other)) : text),
  ],
  [
    'substringAfter',
    (text: string, other: string) => (text.includes(other) ? text.slice(text.indexOf(other) + other.length) : text),
  ],
]);

/**
 * Compiles what most expressions consist of: paths of plain names, literals, `&`, arithmetic, comparisons, `and`, `or`, `? :` and a few functions, over
 * scalars. The engine needs dozens of promises where this takes none. Null for anything else. `inputs` reads the variables by name.
 */
export function compileQuick(ast: AstNode, inputs: ReadonlyMap<string, Read>): Quick | null {
  return compileNode(ast, inputs, 0);
}

function compileNode(node: AstNode | undefined, inputs: ReadonlyMap<string, Read>, depth: number): Quick | null {
  if (node === undefined || depth > MAX_DEPTH || !hasOnlyKnownParts(node)) return null;
  const inner = (part: AstNode | undefined) => compileNode(part, inputs, depth + 1);
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value': {
      const { value } = node;
      return () => value;
    }
    case 'variable':
      return compilePath([node], inputs);
    case 'path':
      return compilePath(node.steps ?? [], inputs);
    case 'block':
      return node.expressions?.length === 1 ? inner(node.expressions[0]) : null;
    case 'condition':
      return compileChoice(
        inner(node.condition),
        inner(node.then),
        node.else === undefined ? NOTHING : inner(node.else),
      );
    case 'binary':
      return compileBinary(String(node.value), inner(node.lhs as AstNode), inner(node.rhs));
    case 'function':
      return compileCall(node.procedure, (node.arguments ?? []).map(inner));
    default:
      return null;
  }
}

const KNOWN_PARTS: Readonly<Record<string, readonly string[]>> = {
  string: ['value'],
  number: ['value'],
  value: ['value'],
  name: ['value'],
  variable: ['value'],
  path: ['steps'],
  block: ['expressions'],
  condition: ['condition', 'then', 'else'],
  binary: ['value', 'lhs', 'rhs'],
  function: ['value', 'arguments', 'procedure'],
};

/** Filters, groups, bindings and all else that the engine hangs on a node change what it means. */
function hasOnlyKnownParts(node: AstNode): boolean {
  const known = KNOWN_PARTS[node.type] ?? [];
  return Object.entries(node).every(
    ([part, value]) => value === undefined || part === 'type' || part === 'position' || known.includes(part),
  );
}

const NOTHING: Quick = () => undefined;

function compilePath(steps: readonly AstNode[], inputs: ReadonlyMap<string, Read>): Quick | null {
  const [first, ...rest] = steps;
  if (first === undefined || !steps.every(hasOnlyKnownParts)) return null;
  if (first.type !== 'name' && first.type !== 'variable') return null;
  if (rest.some((step) => step.type !== 'name')) return null;
  const read = inputs.get(String(first.value));
  if (read === undefined) return null;
  const names = rest.map(({ value }) => String(value));
  return (frame) => {
    let at: unknown = read(frame) ?? null;
    for (const name of names) {
      if (typeof at !== 'object' || at === null) at = undefined;
      else {
        const object = at instanceof StoredValue ? at.value : at;
        if (!isPlain(object)) return UNSUITED;
        if (Object.hasOwn(object, name)) at = object[name] ?? null;
        else if (name in Object.prototype) return UNSUITED;
        else at = undefined;
      }
    }
    if (typeof at === 'string') checkTextLength(at.length);
    return isScalar(at) ? at : UNSUITED;
  };
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || isByteHandle(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isScalar(value: unknown): boolean {
  return value === null || value === undefined || ['string', 'number', 'boolean'].includes(typeof value);
}

function compileChoice(test: Quick | null, then: Quick | null, otherwise: Quick | null): Quick | null {
  if (test === null || then === null || otherwise === null) return null;
  return (frame) => {
    const decided = test(frame);
    if (decided === UNSUITED) return UNSUITED;
    return decided ? then(frame) : otherwise(frame);
  };
}

function compileBinary(operator: string, left: Quick | null, right: Quick | null): Quick | null {
  if (left === null || right === null) return null;
  if (operator === 'and' || operator === 'or') {
    return (frame) => {
      const first = left(frame);
      if (first === UNSUITED) return UNSUITED;
      if (Boolean(first) === (operator === 'or')) return operator === 'or';
      const second = right(frame);
      return second === UNSUITED ? UNSUITED : Boolean(second);
    };
  }
  const operate = OPERATORS.get(operator);
  if (operate === undefined) return null;
  return (frame) => {
    const first = left(frame);
    const second = right(frame);
    return first === UNSUITED || second === UNSUITED ? UNSUITED : operate(first, second);
  };
}

const OPERATORS: ReadonlyMap<string, (left: unknown, right: unknown) => unknown> = new Map([
  ['&', joined],
  // What is absent neither equals anything nor differs from it.
  ['=', (left: unknown, right: unknown) => left !== undefined && right !== undefined && left === right],
  ['!=', (left: unknown, right: unknown) => left !== undefined && right !== undefined && left !== right],
  ['<', ordered((left, right) => left < right)],
  ['<=', ordered((left, right) => left <= right)],
  ['>', ordered((left, right) => left > right)],
  ['>=', ordered((left, right) => left >= right)],
  ['+', computed((left, right) => left + right)],
  ['-', computed((left, right) => left - right)],
  ['*', computed((left, right) => left * right)],
  ['/', computed((left, right) => left / right)],
  ['%', computed((left, right) => left % right)],
]);

function joined(left: unknown = '', right: unknown = ''): unknown {
  if (typeof left !== 'string' || typeof right !== 'string') return UNSUITED;
  checkTextLength(left.length + right.length);
  return left + right;
}

function ordered(holds: (left: string | number, right: string | number) => boolean) {
  return (left: unknown, right: unknown): unknown => {
    if (typeof left === 'number' && typeof right === 'number') return holds(left, right);
    return typeof left === 'string' && typeof right === 'string' ? holds(left, right) : UNSUITED;
  };
}

/** What becomes too large a number, or none, is the engine's to refuse. */
function computed(compute: (left: number, right: number) => number) {
  return (left: unknown, right: unknown): unknown => {
    if (typeof left !== 'number' || typeof right !== 'number') return UNSUITED;
    const result = compute(left, right);
    return Number.isFinite(result) ? result : UNSUITED;
  };
}

function compileCall(procedure: AstNode | undefined, given: readonly (Quick | null)[]): Quick | null {
  const [first, second] = given;
  if (procedure?.type !== 'variable' || first === undefined || first === null || second === null) return null;
  const name = String(procedure.value);
  if (second === undefined) {
    if (name === 'exists') return (frame) => whenSuited(first(frame), (value) => value !== undefined);
    if (name === 'not')
      return (frame) => whenSuited(first(frame), (value) => (typeof value === 'boolean' ? !value : UNSUITED));
    return null;
  }
  const run = TEXT_FUNCTIONS.get(name);
  if (run === undefined || given.length !== 2) return null;
  return (frame) => {
    const text = first(frame);
    const other = second(frame);
    return typeof text === 'string' && typeof other === 'string' ? run(text, other) : UNSUITED;
  };
}

function whenSuited(value: unknown, next: (value: unknown) => unknown): unknown {
  return value === UNSUITED ? UNSUITED : next(value);
}

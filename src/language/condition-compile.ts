import { fail } from '../errors/registry-error.ts';
import { compareBytes } from '../shared/compare.ts';
import type { Condition, ConditionNode, Ordering } from './condition.ts';
import { isEqual } from './equal.ts';
import { compileHidden } from './expression-slot.ts';
import type { Frame, Prelude, Scope } from './frame.ts';
import { isNull, type Read, unwrap } from './read.ts';
import { compileRegex } from './regex.ts';
import type { Template } from './template.ts';
import { compileTemplate } from './template-compile.ts';
import { joinPreludes } from './template-text.ts';

type Test = (frame: Frame) => boolean;

/**
 * Compiles a condition without problems. `test` neither waits nor allocates; it fails with VALUE_INVALID where values of the wrong
 * type are compared by order, searched in or matched, and with EXPRESSION_FAILED where an expression that it reaches has failed.
 */
export function compileCondition(
  condition: Condition,
  scope: Scope,
): { readonly test: Test; readonly prelude: Prelude | null } {
  const preludes: Prelude[] = [];
  const test = compileNode(condition.node, scope, preludes);
  return { test, prelude: joinPreludes(preludes) };
}

function compileNode(node: ConditionNode, scope: Scope, preludes: Prelude[]): Test {
  const operand = (template: Template): Read => {
    const { evaluate, prelude } = compileTemplate(template, scope);
    if (prelude !== null) preludes.push(prelude);
    return evaluate;
  };
  switch (node.kind) {
    case 'all':
      return compileAll(node.items.map((item) => compileNode(item, scope, preludes)));
    case 'any':
      return compileAny(node.items.map((item) => compileNode(item, scope, preludes)));
    case 'not':
      return negate(compileNode(node.item, scope, preludes), true);
    case 'null': {
      const read = operand(node.operand);
      return node.negated ? (frame) => !isNull(read(frame)) : (frame) => isNull(read(frame));
    }
    case 'empty': {
      const read = operand(node.operand);
      return node.negated ? (frame) => !isEmpty(read(frame)) : (frame) => isEmpty(read(frame));
    }
    case 'equals':
      return negate(compileEquals(node.left, node.right, operand), node.negated);
    case 'in':
      return negate(compileIn(node.left, node.right, operand), node.negated);
    case 'order':
      return compileOrder(node.ordering, operand(node.left), operand(node.right));
    case 'matches':
      return compileMatches(node.regex, operand(node.operand));
    case 'expr': {
      const hidden = compileHidden(node.expression, scope);
      preludes.push(hidden.prelude);
      return (frame) => isTrue(hidden.read(frame));
    }
  }
}

function compileAll(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (tests.length === 2 && first !== undefined && second !== undefined)
    return (frame) => first(frame) && second(frame);
  return (frame) => {
    for (const test of tests) if (!test(frame)) return false;
    return true;
  };
}

function compileAny(tests: readonly Test[]): Test {
  return (frame) => {
    for (const test of tests) if (test(frame)) return true;
    return false;
  };
}

function negate(test: Test, negated: boolean): Test {
  return negated ? (frame) => !test(frame) : test;
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function compileEquals(left: Template, right: Template, operand: (template: Template) => Read): Test {
  if (left.constant && !right.constant) return compileEquals(right, left, operand);
  const read = operand(left);
  const constant = right.node.kind === 'constant' ? right.node.value : undefined;
  if (constant === null) return (frame) => isNull(read(frame));
  if (isScalar(constant)) return (frame) => unwrap(read(frame)) === constant;
  const other = operand(right);
  return (frame) => isEqual(read(frame), other(frame));
}

/** A list that is not there has no elements. */
function compileIn(left: Template, right: Template, operand: (template: Template) => Read): Test {
  const read = operand(left);
  const constant = right.node.kind === 'constant' ? right.node.value : undefined;
  if (Array.isArray(constant) && constant.every(isScalar)) {
    const known = new Set<unknown>(constant);
    return (frame) => known.has(unwrap(read(frame)));
  }
  const readList = operand(right);
  return (frame) => {
    const list = unwrap(readList(frame));
    if (list === null || list === undefined) return false;
    if (!Array.isArray(list))
      return fail('VALUE_INVALID', 'A condition looks for a value in something that is no list');
    const value = read(frame);
    return list.some((item) => isEqual(item, value));
  };
}

const ORDERINGS: Readonly<Record<Ordering, (order: number) => boolean>> = {
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
};

/** Numbers by value, texts by their bytes. False when nothing is there on a side. */
function compileOrder(ordering: Ordering, left: Read, right: Read): Test {
  const holds = ORDERINGS[ordering];
  return (frame) => {
    const a = unwrap(left(frame));
    const b = unwrap(right(frame));
    if (a === null || a === undefined || b === null || b === undefined) return false;
    if (typeof a === 'number' && typeof b === 'number') return holds(a - b);
    if (typeof a === 'string' && typeof b === 'string') return holds(compareBytes(a, b));
    return fail('VALUE_INVALID', 'Only two numbers or two texts have an order');
  };
}

function compileMatches(source: string, read: Read): Test {
  const regex = compileRegex(source);
  return (frame) => {
    const text = unwrap(read(frame));
    if (typeof text === 'string') return regex.test(text);
    if (text === null || text === undefined) return false;
    return fail('VALUE_INVALID', 'Only a text can be matched with a regular expression');
  };
}

/** Null, an empty text, an empty list, an object without members. */
function isEmpty(value: unknown): boolean {
  const plain = unwrap(value);
  if (plain === null || plain === undefined || plain === '') return true;
  if (typeof plain !== 'object') return false;
  return Array.isArray(plain) ? plain.length === 0 : Object.keys(plain).length === 0;
}

/** What an expression used as a condition gives must be true, false or null (which is false). */
function isTrue(value: unknown): boolean {
  if (value === null || typeof value === 'boolean') return value === true;
  return fail('VALUE_INVALID', 'An expression used as a condition must give true or false');
}

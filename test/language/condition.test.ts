import { describe, expect, test } from 'vitest';
import { compileCondition, parseCondition } from '../../src/language/condition.ts';
import { StoredValue } from '../../src/language/values.ts';
import { handle, outcome, place } from './frame.ts';

const doc = (value: unknown) => new StoredValue('k', JSON.stringify(value), 1);
const INVALID = { code: 'VALUE_INVALID', details: undefined };

type Case = readonly [what: string, json: unknown, variables: Record<string, unknown>, result: unknown];

const CASES: readonly Case[] = [
  ['equals', { equals: ['$a', 'x'] }, { a: 'x' }, true],
  ['equals keeps types apart', { equals: ['$a', 1] }, { a: '1' }, false],
  ['equals with the literal first', { equals: [true, '$a'] }, { a: true }, true],
  ['equals of two literals', { equals: [1, 1] }, {}, true],
  ['equals is deep, keys in any order', { equals: ['$a', { y: [1], x: '$b' }] }, { a: { x: 2, y: [1] }, b: 2 }, true],
  ['equals sees a key more', { equals: ['$a', '$b'] }, { a: { x: 1 }, b: { x: 1, y: 1 } }, false],
  ['equals sees another key', { equals: ['$a', '$b'] }, { a: { x: 1 }, b: { y: 1 } }, false],
  ['equals keeps lists and objects apart', { equals: ['$a', '$b'] }, { a: [], b: {} }, false],
  ['equals sees the order of a list', { equals: ['$a', [1, 2]] }, { a: [2, 1] }, false],
  ['a document equals its JSON', { equals: ['$a', { x: null }] }, { a: doc({ x: null }) }, true],
  ['documents inside a value', { equals: ['$a', '$b'] }, { a: [doc([1])], b: [[1]] }, true],
  ['a document that is a text equals it', { equals: ['$a', 'x'] }, { a: doc('x') }, true],
  ['absent equals null', { equals: ['$a.b', null] }, { a: {} }, true],
  ['absent equals a null variable', { equals: ['$a.b', '$n'] }, { a: {}, n: null }, true],
  ['bytes equal their description', { equals: ['$a', '$b'] }, { a: handle, b: handle }, true],
  ['a text of references', { equals: ['{a}-{b}', '1-2'] }, { a: 1, b: 2 }, true],
  ['null in such a text', { equals: ['{a}-', 'x'] }, { a: null }, { code: 'VALUE_MISSING', details: { path: 'a' } }],
  ['not_equals', { not_equals: ['$a', 'x'] }, { a: 'y' }, true],
  ['not_equals null', { not_equals: ['$a', null] }, { a: null }, false],
  ['in a literal list', { in: ['$a', ['x', 'y']] }, { a: 'y' }, true],
  ['in keeps types apart', { in: ['$a', ['1', true]] }, { a: 1 }, false],
  ['in a literal list of objects', { in: ['$a', [{ x: 1 }]] }, { a: { x: 1 } }, true],
  ['in a list with null', { in: ['$a', [null, 'x']] }, { a: null }, true],
  ['null in a list without it', { in: ['$a', ['x']] }, { a: null }, false],
  ['in a list of references', { in: ['$a', ['$b', '$c']] }, { a: 1, b: 2, c: 1 }, true],
  ['in a variable', { in: ['$a', '$list'] }, { a: { x: 1 }, list: doc([{ x: 1 }]) }, true],
  ['in a root', { in: ['read', '$principal.scopes'] }, {}, true],
  ['in a list that is not there', { in: ['$a', '$list'] }, { a: 1, list: null }, false],
  ['in something that is no list', { in: ['$a', '$list'] }, { a: 'x', list: 'xyz' }, INVALID],
  ['not_in', { not_in: ['$a', ['x']] }, { a: 'y' }, true],
  ['not_in a list that is not there', { not_in: ['$a', '$list'] }, { a: 1, list: null }, true],
  ['is_null of null', { is_null: '$a' }, { a: null }, true],
  ['is_null of an absent member', { is_null: '$a.b.c' }, { a: {} }, true],
  ['is_null of a document that is null', { is_null: '$a' }, { a: doc(null) }, true],
  ['is_null of false', { is_null: '$a' }, { a: false }, false],
  ['is_not_null', { is_not_null: '$a' }, { a: 0 }, true],
  ['is_empty of null', { is_empty: '$a' }, { a: null }, true],
  ['is_empty of ""', { is_empty: '$a' }, { a: '' }, true],
  ['is_empty of []', { is_empty: '$a' }, { a: doc([]) }, true],
  ['is_empty of {}', { is_empty: '$a' }, { a: {} }, true],
  ['is_empty of 0', { is_empty: '$a' }, { a: 0 }, false],
  ['is_empty of false', { is_empty: '$a' }, { a: false }, false],
  ['is_not_empty', { is_not_empty: '$a' }, { a: [0] }, true],
  ['lt of numbers', { lt: ['$a', 10] }, { a: 9 }, true],
  ['lt of texts is by bytes', { lt: ['$a', '9'] }, { a: '10' }, true],
  ['texts beyond U+FFFF come last', { gt: ['$a', '$b'] }, { a: '\u{1f600}', b: '\uffff' }, true],
  ['lte of equals', { lte: ['$a', 1] }, { a: 1 }, true],
  ['gte of equals', { gte: ['$a', 'a'] }, { a: 'a' }, true],
  ['gt of equals', { gt: ['$a', 1] }, { a: 1 }, false],
  ['order with null', { lt: ['$a', 1] }, { a: null }, false],
  ['order with null on the other side', { gte: [1, '$a'] }, { a: null }, false],
  ['order of a number and a text', { lt: ['$a', 1] }, { a: '0' }, INVALID],
  ['order of lists', { lt: ['$a', '$a'] }, { a: [] }, INVALID],
  ['matches', { matches: ['$a', '^[a-z]+$'] }, { a: 'abc' }, true],
  ['matches anywhere', { matches: ['$a', 'b'] }, { a: 'abc' }, true],
  ['matches not', { matches: ['$a', '^b'] }, { a: 'abc' }, false],
  ['matches of null', { matches: ['$a', '.*'] }, { a: null }, false],
  ['matches of a number', { matches: ['$a', '1'] }, { a: 1 }, INVALID],
  ['the pattern is no template', { matches: ['$a', '^\\$a$'] }, { a: '$a' }, true],
  ['all', { all: [{ equals: ['$a', 1] }, { equals: ['$a', 2] }] }, { a: 1 }, false],
  ['all of three', { all: [{ gt: ['$a', 1] }, { gt: ['$a', 2] }, { gt: ['$a', 3] }] }, { a: 4 }, true],
  ['all of none', { all: [] }, {}, true],
  ['any', { any: [{ equals: ['$a', 1] }, { equals: ['$a', 2] }] }, { a: 2 }, true],
  ['any of none', { any: [] }, {}, false],
  ['not', { not: { is_null: '$a' } }, { a: 1 }, true],
  ['several keys mean all', { is_not_null: '$a', equals: ['$b', 1] }, { a: 1, b: 2 }, false],
  ['several keys inside not', { not: { is_not_null: '$a', equals: ['$b', 1] } }, { a: 1, b: 2 }, true],
  [
    'all stops at the first that fails',
    { all: [{ is_not_null: '$a' }, { lt: ['$b', 1] }] },
    { a: null, b: 'x' },
    false,
  ],
  ['expr', { expr: '{% $count(a) > 1 %}' }, { a: [1, 2] }, true],
  ['expr without its signs', { expr: 'a = 1' }, { a: 2 }, false],
  ['expr that gives nothing', { expr: 'a.b' }, { a: {} }, false],
  ['expr that gives a text', { expr: 'a' }, { a: 'x' }, INVALID],
  ['an expression as operand', { equals: ['{% $count(a) %}', 2] }, { a: [1, 2] }, true],
  [
    'an expression that fails is not met when the condition is decided before',
    { all: [{ is_not_null: '$a' }, { expr: '$lowercase(a) = "x"' }] },
    { a: null },
    false,
  ],
];

describe('conditions', () => {
  test.each(CASES)('%s', async (_what, json, variables, result) => {
    const condition = parseCondition(json);
    expect(condition.problems).toEqual([]);
    const { scope, frame } = place(variables);
    const { test: holds, prelude } = compileCondition(condition, scope);
    await prelude?.(frame);
    expect(await outcome(() => holds(frame))).toEqual(result);
  });

  const PROBLEMS: readonly (readonly [what: string, json: unknown, pointer: string, code: string])[] = [
    ['a text', '$a', '', 'CONDITION_INVALID'],
    ['a list', [{ is_null: '$a' }], '', 'CONDITION_INVALID'],
    ['an empty object', { not: {} }, '/not', 'CONDITION_INVALID'],
    ['an unknown key', { all: [{ equal: ['$a', 1] }] }, '/all/0/equal', 'CONDITION_INVALID'],
    ['a key of every object', { toString: '$a' }, '/toString', 'CONDITION_INVALID'],
    ['one operand where two are needed', { equals: ['$a'] }, '/equals', 'CONDITION_INVALID'],
    ['a list where one value is tested', { is_null: ['$a'] }, '/is_null', 'CONDITION_INVALID'],
    ['a condition where a list is needed', { any: { is_null: '$a' } }, '/any', 'CONDITION_INVALID'],
    ['a pattern from a variable is literal', { matches: ['$a', { b: 1 }] }, '/matches', 'CONDITION_INVALID'],
    ['a pattern that does not parse', { matches: ['$a', '('] }, '/matches/1', 'REGEX_INVALID'],
    ['a pattern that looks behind', { matches: ['$a', '(?<=a)b'] }, '/matches/1', 'REGEX_INVALID'],
    ['a template that does not parse', { equals: ['$a', ['{x']] }, '/equals/1/0', 'TEMPLATE_INVALID'],
    ['an expression that does not parse', { not: { expr: '1 +' } }, '/not/expr', 'EXPRESSION_INVALID'],
    ['an expression that is no text', { expr: true }, '/expr', 'CONDITION_INVALID'],
  ];

  test.each(PROBLEMS)('%s is a problem', (_what, json, pointer, code) => {
    expect(parseCondition(json).problems).toEqual([expect.objectContaining({ pointer, code })]);
  });

  test('uses have their place and pointer', () => {
    const { uses } = parseCondition({ all: [{ equals: ['$a.b', '{c}!'] }, { in: ['$d', ['$e']] }, { expr: 'f' }] });
    expect(uses.map(({ path, place, pointer }) => [path, place, pointer])).toEqual([
      ['a.b', 'condition', '/all/0/equals/0'],
      ['c', 'text', '/all/0/equals/1'],
      ['d', 'condition', '/all/1/in/0'],
      ['e', 'condition', '/all/1/in/1/0'],
      ['f', 'expression', '/all/2/expr'],
    ]);
  });
});

describe('what a condition proves not to be null', () => {
  const PROOFS: readonly (readonly [json: unknown, whenTrue: readonly string[], whenFalse: readonly string[]])[] = [
    [{ is_not_null: '$a' }, ['a'], []],
    [{ is_null: '$a' }, [], ['a']],
    [{ is_not_null: '$a.b' }, ['a'], []],
    [{ is_not_null: '$principal.sub' }, [], []],
    [{ is_not_empty: '$a' }, ['a'], []],
    [{ is_empty: '$a' }, [], ['a']],
    [{ equals: ['$a', 1] }, ['a'], []],
    [{ equals: [1, '$a'] }, ['a'], []],
    [{ equals: ['$a', null] }, [], ['a']],
    [{ equals: ['$a', '$b'] }, [], []],
    [{ not_equals: ['$a', null] }, ['a'], []],
    [{ not_equals: ['$a', 1] }, [], ['a']],
    [{ in: ['$a', ['x']] }, ['a'], []],
    [{ in: ['$a', ['x', null]] }, [], []],
    [{ in: ['$a', '$b'] }, [], []],
    [{ not_in: ['$a', ['x']] }, [], ['a']],
    [{ lt: ['$a', '$b'] }, ['a', 'b'], []],
    [{ matches: ['$a', 'x'] }, ['a'], []],
    [{ not: { is_null: '$a' } }, ['a'], []],
    [{ is_not_null: '$a', is_null: '$b' }, ['a'], []],
    [{ all: [{ is_not_null: '$a' }, { is_not_null: '$b' }] }, ['a', 'b'], []],
    [{ any: [{ is_not_null: '$a' }, { is_not_null: '$b' }] }, [], []],
    [{ any: [{ equals: ['$a', 1] }, { equals: ['$a', 2] }] }, ['a'], []],
    [{ any: [{ is_null: '$a' }, { is_null: '$b' }] }, [], ['a', 'b']],
    [{ all: [{ is_null: '$a' }, { is_null: '$b' }] }, [], []],
    [{ not: { any: [{ is_null: '$a' }, { is_empty: '$b' }] } }, ['a', 'b'], []],
    [{ expr: '$exists(a)' }, [], []],
  ];

  test.each(PROOFS)('%j', (json, whenTrue, whenFalse) => {
    const { nonNull, nonNullElse } = parseCondition(json);
    expect([nonNull, nonNullElse]).toEqual([whenTrue, whenFalse]);
  });
});

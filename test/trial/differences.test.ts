import { expect, test } from 'vitest';
import { compareValues } from '../../src/trial/differences.ts';

test.each([
  ['scalars', 1, 1],
  ['null', null, null],
  ['lists', [1, { a: 2 }], [1, { a: 2 }]],
  ['a regular expression', 'abc-1', { $matches: '^[a-z]+-[0-9]$' }],
  ['whatever is there', { a: null }, { a: { $any: true } }],
  ['further members', { a: 1, b: 2 }, { $includes: { a: 1 } }],
])('%s are as expected', (_name, actual, expected) => {
  expect(compareValues(actual, expected, '')).toEqual([]);
});

test.each([
  ['another scalar', { a: 1 }, { a: '1' }, [['/a', '1', 1]]],
  ['a member that is missing', {}, { a: null }, [['/a', null, undefined]]],
  ['a member too many', { a: 1 }, {}, [['/a', undefined, 1]]],
  ['a list that is too long', [1, 2], [1], [['/1', undefined, 2]]],
  ['a list that is too short', [], [1], [['/0', 1, undefined]]],
  ['an object for a list', {}, [], [['', [], {}]]],
  ['a text that does not match', 'x', { $matches: '^y' }, [['', { $matches: '^y' }, 'x']]],
  ['nothing at all', {}, { a: { $any: true } }, [['/a', { $any: true }, undefined]]],
  ['a wrong member among others', { a: 1, b: 2 }, { $includes: { a: 2 } }, [['/a', 2, 1]]],
  [
    'several places',
    { a: { 'b/c': 1 }, d: 2 },
    { a: { 'b/c': 2 }, d: 3 },
    [
      ['/a/b~1c', 2, 1],
      ['/d', 3, 2],
    ],
  ],
  ['a member of every object', {}, { constructor: 'x' }, [['/constructor', 'x', undefined]]],
])('%s is told with its place', (_name, actual, expected, places) => {
  const found = compareValues(actual, expected, '');
  expect(found.map(({ where, expected: wanted, actual: was }) => [where, wanted, was])).toEqual(places);
});

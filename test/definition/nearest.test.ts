import { expect, test } from 'vitest';
import { formatFinding } from '../../src/definition/format-findings.ts';
import { nearest, suggest } from '../../src/definition/nearest.ts';

test.each([
  ['kv.gte', ['kv.get', 'kv.put'], 'kv.get'],
  ['Name', ['name', 'named'], 'name'],
  ['pcakages', ['package', 'packages'], 'packages'],
  ['ab', ['xy', 'cd'], null],
  ['a', ['b'], 'b'],
  ['x', [], null],
])('nearest to %s of %j is %s', (name, candidates, expected) => {
  expect(nearest(name, candidates)).toBe(expected);
});

test('a few candidates are listed when none is near', () => {
  expect(suggest('other', ['kv', 'blob'])).toBe('Known: "kv", "blob"');
  expect(
    suggest(
      'other',
      Array.from({ length: 9 }, (_, index) => `name${index}`),
    ),
  ).toBeNull();
  expect(suggest('blbo', ['kv', 'blob'])).toBe('Did you mean "blob"?');
});

test('a finding is one line, and its fix an indented one below', () => {
  const finding = {
    file: 'schema.json',
    line: 3,
    column: 7,
    pointer: '/a',
    severity: 'error',
    code: 'UNKNOWN_KEY',
    message: '"a" means nothing here',
    fix: null,
  } as const;
  expect(formatFinding(finding)).toBe('schema.json:3:7  error  UNKNOWN_KEY  "a" means nothing here');
  expect(formatFinding({ ...finding, fix: 'Remove it' })).toBe(
    'schema.json:3:7  error  UNKNOWN_KEY  "a" means nothing here\n    Remove it',
  );
});

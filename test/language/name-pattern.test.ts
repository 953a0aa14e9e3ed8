import { describe, expect, test } from 'vitest';
import { compileNamePattern, includesPattern } from '../../src/language/name-pattern.ts';

const matches = (pattern: string, name: string) => compileNamePattern(pattern).matches(name);

describe('patterns over names', () => {
  test.each([
    ['@acme/tool', ['@acme/tool'], ['@acme/tools', '@acme/too', '@ACME/tool', '']],
    ['@acme/*', ['@acme/tool', '@acme/'], ['@acme', '@acme/a/b', '@acmes/tool', 'x/@acme/tool']],
    ['@acme/ui-*', ['@acme/ui-kit', '@acme/ui-'], ['@acme/ui', '@acme/ui-kit/x']],
    ['@acme/**', ['@acme/a', '@acme/a/b/c', '@acme/'], ['@acme', 'acme/a']],
    ['*', ['', 'tool', '**'], ['a/b', '/']],
    ['**', ['', 'tool', 'a/b/c', '/', '\n'], []],
    ['*-internal', ['x-internal', '-internal'], ['a/x-internal', 'x-internal2']],
    ['@*/secret-*', ['@a/secret-b', '@/secret-'], ['@a/b/secret-c', '@a/secret']],
    ['**/test/**', ['a/test/b', '/test/', 'a/b/test/c/d', 'test/test/test'], ['test/a', 'a/test', 'a/tests/b']],
    ['a.b', ['a.b'], ['axb']],
    ['[a-z]+(x)', ['[a-z]+(x)'], ['aax']],
    ['ü*', ['üb', 'ü'], ['u']],
    ['*😀', ['😀😀', 'a😀'], ['😀a']],
  ])('%s', (pattern, right, wrong) => {
    expect(right.filter((name) => !matches(pattern, name))).toEqual([]);
    expect(wrong.filter((name) => matches(pattern, name))).toEqual([]);
  });

  test('a long name and a pattern that goes back and forth take little time', () => {
    const name = 'a'.repeat(20_000);
    const start = performance.now();
    expect(matches('*a*a*a*a*a*a*a*b', name)).toBe(false);
    expect(matches('**a**a**a**a**a**a**', name)).toBe(true);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('patterns with many wildcards are compared in bounded time', () => {
    const start = performance.now();
    const wild = Array.from({ length: 60 }, (_, index) => `**${index % 7}*`).join('');
    expect(includesPattern(wild, `${wild}x`)).toBe(true);
    expect(includesPattern(`${wild}x`, wild)).toBe(false);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('every small pattern', () => {
  const parts = ['a', '/', '*', '**'];
  const patterns = new Set<string>();
  for (const x of parts) for (const y of ['', ...parts]) for (const z of ['', ...parts]) patterns.add(x + y + z);
  const names = [''];
  for (let at = 0; names[at]!.length < 5; at++) for (const letter of ['a', 'b', '/']) names.push(names[at]! + letter);
  const set = new Map([...patterns].map((pattern) => [pattern, names.map((name) => matches(pattern, name))]));

  test('matches what the regular expression of the same meaning matches', () => {
    for (const [pattern, matched] of set) {
      const regex = new RegExp(`^${pattern.replace(/\*+/g, (stars) => (stars === '*' ? '[^/]*' : '.*'))}$`, 's');
      expect({ pattern, matched }).toEqual({ pattern, matched: names.map((name) => regex.test(name)) });
    }
  });

  test('includes another just where no name tells them apart', () => {
    const wrong: string[] = [];
    for (const [wide, inWide] of set) {
      for (const [narrow, inNarrow] of set) {
        const expected = inNarrow.every((isIn, at) => !isIn || inWide[at]);
        if (includesPattern(wide, narrow) !== expected) wrong.push(`${wide} ${narrow}: ${!expected}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { RegistryError } from '../../src/errors/registry-error.ts';
import { compileKeyCodec, parseKeyTemplate } from '../../src/language/record-key.ts';
import { compareBytes } from '../../src/shared/compare.ts';

const ARTIFACT = 'artifact/{namespace}/{name}/{version}/{variant?}';

function codecOf(source: string) {
  const template = parseKeyTemplate(source);
  expect(template.problems).toEqual([]);
  return compileKeyCodec(template);
}

function codeOf(run: () => unknown): string {
  try {
    return `gave ${JSON.stringify(run())}`;
  } catch (error) {
    return (error as RegistryError).code;
  }
}

describe('key templates', () => {
  it('know their parts', () => {
    expect(parseKeyTemplate(ARTIFACT)).toMatchObject({
      problems: [],
      parts: [
        { name: 'namespace', optional: false },
        { name: 'name', optional: false },
        { name: 'version', optional: false },
        { name: 'variant', optional: true },
      ],
    });
    expect(codecOf('{digest}').parts).toEqual(['digest']);
    expect(codecOf('settings').encode({})).toBe('settings');
  });

  it.each([
    ['', 'empty'],
    ['/a', 'empty'],
    ['a/', 'empty'],
    ['a//b', 'empty'],
    ['{a}{b}', 'more than one part'],
    ['{a}-{b}', 'more than one part'],
    ['{a}/{a}', 'twice'],
    ['{a.b}', 'not the name'],
    ['{a:0:2}', 'not the name'],
    ['{__proto__}', 'not the name'],
    ['{a', 'substitution'],
    ['a%2f/{b}', 'may not stand'],
    ['a\n/{b}', 'may not stand'],
  ])('%j is a problem', (source, words) => {
    const { problems } = parseKeyTemplate(source);
    expect(problems[0]).toMatchObject({ code: 'KEY_INVALID', pointer: '' });
    expect(problems.map((problem) => problem.message).join(' ')).toContain(words);
  });
});

describe('encoding', () => {
  const codec = codecOf(ARTIFACT);
  const encode = (namespace: unknown, name: unknown, version: unknown, variant?: unknown) =>
    codec.encode({ namespace, name, version, variant });

  it('fills the template in', () => {
    expect(encode('ns', 'lib', '1.0.0', 'linux')).toBe('artifact/ns/lib/1.0.0/linux');
    expect(encode('ns', 'lib', '1.0.0')).toBe('artifact/ns/lib/1.0.0/');
    expect(encode('ns', 'lib', '1.0.0', null)).toBe('artifact/ns/lib/1.0.0/');
    expect(encode('ns', 'lib', '1.0.0', '')).toBe('artifact/ns/lib/1.0.0/%');
    expect(encode('@a/b', 'é\u{1f600}', 1, true)).toBe('artifact/@a%2Fb/é\u{1f600}/1/true');
    expect(encode('%', '%2F', '\0\n\u007f\u0085', '.')).toBe('artifact/%25/%252F/%00%0A%7F%85/.');
    expect(encode('__proto__', 'constructor', '..', 0)).toBe('artifact/__proto__/constructor/../0');
  });

  it.each([
    [['ns', null, '1'], 'VALUE_MISSING'],
    [['ns', undefined, '1'], 'VALUE_MISSING'],
    [['ns', {}, '1'], 'VALUE_INVALID'],
    [['ns', ['a'], '1'], 'VALUE_INVALID'],
    [['ns', Number.NaN, '1'], 'VALUE_INVALID'],
    [['ns', Number.POSITIVE_INFINITY, '1'], 'VALUE_INVALID'],
    [['ns', 'a\ud800', '1'], 'VALUE_INVALID'],
    [['ns', 'x'.repeat(1100), '1'], 'VALUE_INVALID'],
    [['ns', '\u{1f600}'.repeat(260), '1'], 'VALUE_INVALID'],
    [['ns', '\0'.repeat(340), '1'], 'VALUE_INVALID'],
  ])('%j fails with %s', ([namespace, name, version], code) => {
    expect(codeOf(() => encode(namespace, name, version))).toBe(code);
  });

  it('says which part is missing, and looks at own members only', () => {
    expect(() => codec.encode({ namespace: 'a', version: '1' })).toThrow('"name"');
    const inherited = Object.create({ name: 'x' }, { namespace: { value: 'a' }, version: { value: '1' } });
    expect(codeOf(() => codec.encode(inherited))).toBe('VALUE_MISSING');
    expect(codeOf(() => codecOf('{a?}').encode({}))).toBe('VALUE_INVALID');
  });

  it('takes 1024 bytes and no more', () => {
    const one = codecOf('{a}');
    expect(one.encode({ a: 'x'.repeat(1024) })).toHaveLength(1024);
    expect(codeOf(() => one.encode({ a: 'x'.repeat(1025) }))).toBe('VALUE_INVALID');
    expect(one.encode({ a: 'é'.repeat(512) })).toHaveLength(512);
    expect(codeOf(() => one.encode({ a: 'é'.repeat(513) }))).toBe('VALUE_INVALID');
  });

  it('never makes one key of two tuples', () => {
    const values = [
      null,
      '',
      '%',
      '/',
      '%2F',
      '%25',
      '%%',
      '\0',
      '%00',
      'a',
      'a/',
      '/a',
      'a/b',
      'a%2Fb',
      '.',
      '..',
      '-',
      'x-',
      '-x',
      '\u{1f600}',
      'é',
      'e\u0301',
      ' ',
    ];
    for (const source of ['{a?}/{b?}', 'x/{a?}/{b?}', 'x-{a?}/{b?}-x', '{a?}-/-{b?}', '{a?}/x/{b?}']) {
      const pair = codecOf(source);
      const seen = new Map<string, string>();
      for (const a of values) {
        for (const b of values) {
          const key = pair.encode({ a, b });
          const tuple = JSON.stringify([a, b]);
          expect(seen.get(key), `${tuple} as ${key}`).toBeUndefined();
          seen.set(key, tuple);
          expect({ ...pair.decode(key) }).toEqual({ a, b });
          expect(pair.check(key)).toBe(key);
          expect(key).not.toMatch(/\p{Cc}/u);
        }
      }
    }
  });
});

describe('decoding and checking', () => {
  const codec = codecOf(ARTIFACT);

  it('gives the parts back, without a prototype', () => {
    const parts = codec.decode('artifact/@a%2Fb/__proto__/%/');
    expect({ ...parts }).toEqual({ namespace: '@a/b', name: '__proto__', version: '', variant: null });
    expect(Object.getPrototypeOf(parts)).toBeNull();
  });

  it.each([
    '',
    'artifact',
    'artifact/a/b/c',
    'artifact/a/b/c/d/e',
    'other/a/b/c/d',
    'artifact//b/c/d',
    'artifact/a/b/c/%2f',
    'artifact/a/b/c/%41',
    'artifact/a/b/c/%zz',
    'artifact/a/b/c/x%',
    'artifact/a/b/c/%%',
    'artifact/a/b/c/\0',
    'artifact/a/b/c/\ud800',
    `artifact/a/b/c/${'d'.repeat(1024)}`,
  ])('%j is refused', (key) => {
    expect(codeOf(() => codec.check(key))).toBe('VALUE_INVALID');
  });
});

describe('prefixes', () => {
  const codec = codecOf(ARTIFACT);

  it('are the leading segments that are given', () => {
    expect(codec.prefix({})).toBe('artifact/');
    expect(codec.prefix({ namespace: 'a/b' })).toBe('artifact/a%2Fb/');
    expect(codec.prefix({ namespace: 'a', name: '' })).toBe('artifact/a/%/');
    expect(codec.prefix({ namespace: 'a', name: 'b', version: '1', variant: undefined })).toBe('artifact/a/b/1/');
    expect(codecOf('{a}/x/{b}').prefix({})).toBe('');
    expect(codecOf('{a}/x/{b}').prefix({ a: '1' })).toBe('1/x/');
    expect(codecOf('a/t-{b}/{c}').prefix({})).toBe('a/');
    expect(codecOf('{a?}/{b}').prefix({ a: null })).toBe('/');
  });

  it.each([
    [{ name: 'a' }],
    [{ namespace: 'a', version: 'b' }],
    [{ namespace: 'a', name: 'b', version: '1', variant: 'x' }],
    [{ namespace: {} }],
  ])('%j is refused', (parts) => {
    expect(codeOf(() => codec.prefix(parts))).toBe('VALUE_INVALID');
  });

  it('a required part that is null is missing', () => {
    expect(codeOf(() => codec.prefix({ namespace: null }))).toBe('VALUE_MISSING');
  });

  it('find their keys, all of them side by side, and no others', () => {
    const values = ['a', 'a-', 'a.', 'a/', 'a/a', 'aa', 'A', '%', '', '\u{1f600}', '\uffff', 'é', ' ', '!', '\0'];
    const pair = codecOf('k/{a}/{b}');
    const keys = values.flatMap((a) => values.map((b) => pair.encode({ a, b }))).sort(compareBytes);
    for (const a of values) {
      const prefix = pair.prefix({ a });
      const places = keys.flatMap((key, place) => (key.startsWith(prefix) ? [place] : []));
      expect(places.map((place) => pair.decode(keys[place] ?? '').a)).toEqual(values.map(() => a));
      expect((places.at(-1) ?? 0) - (places[0] ?? 0)).toBe(values.length - 1);
    }
  });
});

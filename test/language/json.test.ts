import { describe, expect, test } from 'vitest';
import { parseJson, writeJson } from '../../src/language/json.ts';
import { member, toPlain } from '../../src/language/member.ts';
import { StoredValue } from '../../src/language/values.ts';
import { handle, outcome } from './frame.ts';

const LIMITS = { maxBytes: 1000, maxDepth: 4 };

describe('writing', () => {
  test('as the runtime does', () => {
    const value = {
      a: [1, -0, 1e21, null, undefined, 'é\u2028"\\\n\ud800'],
      b: undefined,
      c: { d: true },
      [`__proto__`]: 1,
    };
    expect(writeJson(value)).toBe(JSON.stringify(value));
    for (const scalar of [null, 1, 'x', true]) expect(writeJson(scalar)).toBe(JSON.stringify(scalar));
    expect(writeJson(undefined)).toBe('null');
  });

  test('a document is spliced in as it is stored, unparsed', () => {
    const text = '{ "not" : canonical, nor JSON }';
    const document = new StoredValue('k', text, 1);
    expect(writeJson(document)).toBe(text);
    expect(writeJson({ a: [document, undefined, 'x'], b: undefined, 'c"': document })).toBe(
      `{"a":[${text},null,"x"],"c\\"":${text}}`,
    );
  });

  test('bytes are described', () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    expect(JSON.parse(writeJson({ b: handle }))).toEqual({
      b: { size: 3, digest, digests: { sha256: digest }, media_type: 'text/plain' },
    });
  });

  test('an own __proto__ is written', () => {
    const value = JSON.parse('{"__proto__":1}');
    expect(writeJson([value, new StoredValue('k', '2', 1)])).toBe('[{"__proto__":1},2]');
  });

  test('a value that holds itself is refused', async () => {
    const list: unknown[] = [];
    list.push({ list });
    expect(await outcome(() => writeJson(list))).toMatchObject({ code: 'VALUE_INVALID' });
    expect(await outcome(() => writeJson([new StoredValue('k', '1', 1), list]))).toMatchObject({
      code: 'VALUE_INVALID',
    });
    expect(await outcome(() => writeJson({ big: 1n }))).toMatchObject({ code: 'VALUE_INVALID' });
  });

  test('one value in several places is no circle', () => {
    const shared = { a: 1 };
    expect(writeJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

describe('parsing', () => {
  const bytes = (text: string) => Buffer.from(text);

  test('bytes and texts', () => {
    expect(parseJson(bytes('{"a":["é",1.5,null]}'), LIMITS)).toEqual({ a: ['é', 1.5, null] });
    expect(parseJson(' "x" ', LIMITS)).toBe('x');
    expect(parseJson(bytes('\ufeff1'), LIMITS)).toBe(1);
  });

  test('of duplicate keys the last counts', () => {
    expect(parseJson('{"a":1,"a":2}', LIMITS)).toEqual({ a: 2 });
  });

  test('__proto__ is a key like any other', () => {
    const value = parseJson('{"__proto__":{"admin":true}}', LIMITS);
    expect(member(value, 'admin')).toBeUndefined();
    expect(member(value, '__proto__')).toEqual({ admin: true });
  });

  test('size is counted in bytes', async () => {
    const at = (text: string, maxBytes: number) => outcome(() => parseJson(text, { maxBytes, maxDepth: 4 }));
    expect(await at('"éé"', 6)).toBe('éé');
    expect(await at('"éé"', 5)).toMatchObject({ code: 'JSON_TOO_LARGE', details: { max_bytes: 5 } });
    expect(await outcome(() => parseJson(bytes('"éé"'), { maxBytes: 5, maxDepth: 4 }))).toMatchObject({
      code: 'JSON_TOO_LARGE',
    });
  });

  test('depth is counted before parsing, and not in strings', async () => {
    expect(parseJson('[[[[1],[2]]]]', LIMITS)).toEqual([[[[1], [2]]]]);
    expect(parseJson('["[[[[[{{{{\\"[[[[["]', LIMITS)).toEqual(['[[[[[{{{{"[[[[[']);
    expect(await outcome(() => parseJson('[[[[{}]]]]', LIMITS))).toMatchObject({
      code: 'JSON_TOO_DEEP',
      details: { max_depth: 4 },
    });
    const hostile = '['.repeat(5_000_000);
    expect(await outcome(() => parseJson(hostile, { maxBytes: 1e7, maxDepth: 64 }))).toMatchObject({
      code: 'JSON_TOO_DEEP',
    });
  });

  const BAD: readonly (readonly [text: string, position: number, line: number, column: number])[] = [
    ['', 0, 1, 1],
    ['{"a":1,}', 7, 1, 8],
    ['{\n "a": tru\n}', 8, 2, 7],
    ['[1 2]', 3, 1, 4],
    ['{"a" 1}', 5, 1, 6],
    ['[1', 2, 1, 3],
    ['"abc', 0, 1, 1],
    ['1 // one', 2, 1, 3],
    ["{'a':1}", 1, 1, 2],
    ['{"a":1}x', 7, 1, 8],
    ['01', 1, 1, 2],
    ['NaN', 0, 1, 1],
  ];

  test.each(BAD)('%j', async (text, position, line, column) => {
    const result = await outcome(() => parseJson(text, LIMITS));
    expect(result).toEqual({ code: 'JSON_INVALID', details: { position, line, column } });
  });

  test('a text is not repeated in the message', () => {
    expect(() => parseJson('{"password": secret}', LIMITS)).toThrowError(/^(?!.*secret).*line 1, column 14/);
  });

  test('bytes that are not UTF-8', async () => {
    const broken = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
    expect(await outcome(() => parseJson(broken, LIMITS))).toMatchObject({ code: 'JSON_INVALID' });
  });
});

describe('plain values', () => {
  test('shares what needs no change', () => {
    const value = { a: [{ b: 1 }], c: 'x' };
    expect(toPlain(value)).toBe(value);
  });

  test('documents and bytes at any depth', () => {
    const kept = { b: 1 };
    const value = { kept, list: [new StoredValue('k', '{"x":1}', 1), { handle }] };
    const plain = toPlain(value);
    expect(plain).toMatchObject({
      kept: { b: 1 },
      list: [{ x: 1 }, { handle: { size: 3, media_type: 'text/plain' } }],
    });
    expect(member(plain, 'kept')).toBe(kept);
    expect(value.list[0]).toBeInstanceOf(StoredValue);
  });
});

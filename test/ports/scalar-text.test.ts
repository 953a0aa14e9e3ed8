import { describe, expect, it } from 'vitest';
import type { Scalar } from '../../src/ports/record-store.ts';
import { decodeScalar, encodeScalar, isStorableText, prefixEnd } from '../../src/ports/scalar-text.ts';

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('scalars as texts', () => {
  it('sort as bytes in the order of the scalars, and come back', () => {
    const numbers = [
      -Number.MAX_VALUE,
      -(2 ** 53),
      -10,
      -9.5,
      -1,
      -1e-300,
      -5e-324,
      0,
      5e-324,
      0.1,
      1,
      9.5,
      10,
      2 ** 53,
      Number.MAX_VALUE,
    ];
    const texts = [
      '',
      '\u0001',
      ' ',
      '0',
      '4',
      'A',
      'a',
      'a\u0001',
      'aa',
      '\u007f',
      'é',
      '\ud7ff',
      '\u{e000}',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
    ];
    const scalars: readonly Scalar[] = [null, false, true, ...numbers, ...texts];
    const encoded = scalars.map(encodeScalar);
    expect(encoded.toSorted(bytewise)).toEqual(encoded);
    expect(new Set(encoded).size).toBe(scalars.length);
    expect(encoded.map(decodeScalar)).toEqual(scalars);
  });

  it('takes -0 for 0', () => {
    expect(encodeScalar(-0)).toBe(encodeScalar(0));
  });

  it.each(['a\0', '\ud800', 'x\udc00', Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses %j',
    (value) => {
      expect(() => encodeScalar(value)).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }));
      if (typeof value === 'string') expect(isStorableText(value)).toBe(false);
    },
  );

  it.each([
    ['a', 'b'],
    ['a\u007f', 'a\u0080'],
    ['\ud7ff', '\u{e000}'],
    ['\uffff', '\u{10000}'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}\u{10ffff}', null],
    ['', null],
  ])('ends what begins with %j at %j', (prefix, end) => {
    expect(prefixEnd(prefix)).toBe(end);
    if (end === null) return;
    expect(bytewise(`${prefix}\u{10ffff}\u{10ffff}`, end)).toBeLessThan(0);
  });
});

import { describe, expect, test } from 'vitest';
import { editDistance } from '../../src/shared/edit-distance.ts';
import { resembling, toleranceOf, trigramsOf } from '../../src/shared/resemblance.ts';
import { stemOf, wordsOf } from '../../src/shared/words.ts';

const words = (text: string) => [...wordsOf(text)].map(({ word }) => word);

describe('words', () => {
  test.each([
    ['plain', 'A fast JSON parser', ['a', 'fast', 'json', 'parser']],
    ['punctuation of names', '@scope/my-pkg_v2.socket.io', ['scope', 'my', 'pkg', 'v2', 'socket', 'io']],
    ['accents, put together or apart', 'Crème bru\u0302le\u0301e', ['creme', 'brulee']],
    ['letters that do not come apart', 'Straße Øresund Łódź', ['strasse', 'oresund', 'lodz']],
    ['the dotted capital I', 'İstanbul ISTANBUL', ['istanbul', 'istanbul']],
    ['compatibility forms', 'ｆｕｌｌ ﬁle', ['full', 'file']],
    ['other scripts', 'Привет, κόσμε! हिन्दी', ['привет', 'κοσμε', 'हिन्दी']],
    ['scripts without spaces, by character', '日本語parser', ['日', '本', '語', 'parser']],
    ['signs, emoji, NUL and halves of characters', '"*" -(&|:)! 😀 \0 \ud800 ~', []],
    ['fractions and ligatures without punctuation in them', '½ x', ['12', 'x']],
  ])('of %s', (_, text, expected) => expect(words(text)).toEqual(expected));

  test('say where they stand in the text as written', () => {
    const text = 'Ein Bru\u0302le\u0301e!';
    expect([...wordsOf(text)].map(({ start, end }) => text.slice(start, end))).toEqual(['Ein', 'Bru\u0302le\u0301e']);
  });

  test('are cut at 64 characters, not within one', () => {
    expect(words('x'.repeat(200))).toEqual(['x'.repeat(64)]);
    expect(words('\u{1d4d0}'.repeat(200))[0]).toBe('a'.repeat(64));
    expect([...words('\u{10400}'.repeat(200))[0]!]).toHaveLength(64);
  });

  test('have stems where they are English', () => {
    expect(['running', 'parsers', 'parsing', 'libraries', 'library'].map(stemOf)).toEqual([
      'run',
      'parser',
      'pars',
      'librari',
      'librari',
    ]);
    expect(stemOf('ies2')).toBe('ies2');
  });
});

describe('words that resemble each other', () => {
  test('are a typing error apart, or two where they are long', () => {
    const known = ['python', 'pylon', 'react', 'reactive', 'redact', 'kubernetes', 'json', 'npm'];
    const near = (typed: string) => resembling(typed, known);
    expect(near('pyhton')).toEqual(['python']);
    expect(near('pythn')).toEqual(['python']);
    expect(near('raect')).toEqual(['react']);
    expect(near('jsn')).toEqual(['json']);
    expect(near('josn')).toEqual(['json']);
    expect(near('kuberntes')).toEqual(['kubernetes']);
    expect(near('kubrenets')).toEqual(['kubernetes']);
    expect(near('kbrnts')).toEqual([]);
    expect(near('np')).toEqual([]);
    expect(near('python')).toEqual([]);
  });

  test('come nearest first, one for each stem, eight at most', () => {
    expect(resembling('parsr', ['parst', 'parser', 'pars', 'paxxr'])).toEqual(['pars', 'parser', 'parst']);
    expect(resembling('databasse', ['databases', 'database'])).toEqual(['database']);
    const many = Array.from({ length: 20 }, (_, place) => `word${String.fromCharCode(97 + place)}`);
    expect(resembling('wordz', many)).toHaveLength(8);
  });

  test('are looked up by trigrams of the padded word', () => {
    expect(trigramsOf('npm')).toEqual(['  n', ' np', 'npm', 'pm ']);
    expect(trigramsOf('aaaa')).toEqual(['  a', ' aa', 'aaa', 'aa ']);
    expect([2, 3, 7, 8].map((length) => toleranceOf('x'.repeat(length)))).toEqual([0, 1, 1, 2]);
  });

  test('differ by letters changed, added, left out or swapped', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('abc', 'acb')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});

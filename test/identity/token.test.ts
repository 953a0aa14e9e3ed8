import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { digestToken, generateToken, sameHash } from '../../src/identity/token.ts';

describe('tokens', () => {
  test('have a prefix that scanners find, a fixed length, and letters and digits only', () => {
    for (let i = 0; i < 200; i++) expect(generateToken().token).toMatch(/^ept_[0-9A-Za-z]{49}$/);
  });

  test('are kept as SHA-256; half of it is the id', () => {
    const { token, id, hash } = generateToken();
    expect(hash).toBe(createHash('sha256').update(token).digest('hex'));
    expect(id).toBe(hash.slice(0, 32));
    expect(digestToken(token)).toEqual({ id, hash });
  });

  test('differ', () => {
    expect(new Set(Array.from({ length: 500 }, () => generateToken().token)).size).toBe(500);
  });

  test('any one wrong character is noticed without a look at the store', () => {
    const { token } = generateToken();
    for (let at = 4; at < token.length; at++) {
      const other = token[at] === 'x' ? 'y' : 'x';
      expect(digestToken(token.slice(0, at) + other + token.slice(at + 1))).toBeNull();
    }
  });

  test.each([
    '',
    'ept_',
    'x',
    `ept_${'0'.repeat(49)}`,
    `${generateToken().token}\n`,
    ` ${generateToken().token}`,
    generateToken().token.slice(0, -1),
  ])('not a token: %j', (text) => expect(digestToken(text)).toBeNull());

  test('hashes compare whole', () => {
    expect(sameHash('00ff', '00ff')).toBe(true);
    expect(sameHash('00ff', '00fe')).toBe(false);
    expect(sameHash('00ff', '00')).toBe(false);
  });
});

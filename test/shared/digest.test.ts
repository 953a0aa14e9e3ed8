import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatDigest, isDigest, parseDigest, sri } from '../../src/shared/digest.ts';

const hex = createHash('sha256').update('hello').digest('hex');

describe('digests', () => {
  it.each(['sha256', 'sha384', 'sha512', 'sha1', 'md5'])('reads %s', (algorithm) => {
    const content = createHash(algorithm).update('x').digest('hex');
    expect(parseDigest(`${algorithm}:${content}`)).toEqual({ algorithm, hex: content });
  });

  it('makes upper-case hex lower, and only then is it a digest as kept', () => {
    expect(parseDigest(`sha256:${hex.toUpperCase()}`)).toEqual({ algorithm: 'sha256', hex });
    expect(formatDigest('sha256', hex.toUpperCase())).toBe(`sha256:${hex}`);
    expect(isDigest(`sha256:${hex.toUpperCase()}`)).toBe(false);
    expect(isDigest(`sha256:${hex}`)).toBe(true);
  });

  it.each([
    '',
    'sha256',
    hex,
    'sha256:',
    `sha256:${hex}0`,
    `sha256:${hex.slice(1)}g`,
    `SHA256:${hex}`,
    `__proto__:${hex}`,
    `constructor:${hex}`,
    `sha256:${hex.slice(1)}/`,
    `sha256:${hex}\n`,
    `sha512:${hex}`,
  ])('refuses %j', (text) => {
    expect(parseDigest(text)).toBeNull();
    expect(isDigest(text)).toBe(false);
  });

  it('writes integrity metadata', () => {
    expect(sri({ algorithm: 'sha256', hex })).toBe(`sha256-${createHash('sha256').update('hello').digest('base64')}`);
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatDigest, isDigest, parseDigest, parseSri, sri, strongest } from '../../src/shared/digest.ts';

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

  const integrity = (algorithm: string, content = 'hello') =>
    `${algorithm}-${createHash(algorithm).update(content).digest('base64')}`;
  const of = (algorithm: string) => ({ algorithm, hex: createHash(algorithm).update('hello').digest('hex') });

  it.each(['sha256', 'sha384', 'sha512', 'sha1', 'md5'])('reads integrity metadata of %s', (algorithm) => {
    expect(parseSri(integrity(algorithm))).toEqual([of(algorithm)]);
    expect(parseSri(` \t${integrity(algorithm)}?a:b=c?\n`)).toEqual([of(algorithm)]);
  });

  it('reads several, of which the strongest stay', () => {
    const digests = parseSri(`${integrity('sha1')}  ${integrity('sha512')} ${integrity('sha512', 'x')}`) ?? [];
    expect(digests).toHaveLength(3);
    expect(strongest(digests)).toEqual(digests.slice(1));
    expect(strongest([])).toEqual([]);
  });

  it.each([
    '',
    '  ',
    'sha512',
    'sha512-',
    'sha512-?a',
    'sha3-AAAA',
    `sha256:${hex}`,
    integrity('sha256').replace('sha256', 'sha512'),
    integrity('sha256').replace('sha256', 'SHA256'),
    integrity('sha256').replace('sha256', 'constructor'),
    // The padding left out, bits left over, the other alphabet.
    integrity('sha256').replace('=', ''),
    integrity('sha256').replace(/.=$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=`),
    `sha1-${'-'.repeat(27)}=`,
    `${integrity('sha256')} sha512-AAAA`,
    `${integrity('sha256')},${integrity('sha512')}`,
  ])('refuses the integrity metadata %j', (text) => {
    expect(parseSri(text)).toBeNull();
  });
});

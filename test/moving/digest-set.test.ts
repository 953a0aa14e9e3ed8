import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { DigestSet } from '../../src/moving/digest-set.ts';

it('holds each digest once and gives them in byte order', () => {
  const set = new DigestSet();
  const digests = Array.from(
    { length: 5000 },
    (_, place) => `sha256:${createHash('sha256').update(`${place}`).digest('hex')}`,
  );
  digests.push(`sha256:${'0'.repeat(64)}`, `sha256:${'f'.repeat(64)}`);
  for (const digest of [...digests, ...digests.toReversed(), digests[0]!.toUpperCase().replace('SHA256', 'sha256')]) {
    expect(set.add(digest)).toBe(true);
  }
  expect(set.size).toBe(digests.length);
  expect([...set]).toEqual(digests.toSorted());
});

it('takes sha256 only', () => {
  const set = new DigestSet();
  for (const text of [
    '',
    'x',
    'sha256:',
    `sha1:${'a'.repeat(40)}`,
    `sha512:${'a'.repeat(128)}`,
    `sha256:${'g'.repeat(64)}`,
  ]) {
    expect(set.add(text)).toBe(false);
  }
  expect([...set]).toEqual([]);
});

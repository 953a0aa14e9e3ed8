import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../../src/shared/compare.ts';
import { compareVersions, isPrerelease, versionSortKey } from '../../src/shared/versions.ts';

/** A generator that gives the same numbers in every run (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function randomVersion(random: (below: number) => number): string {
  const number = () => ['0', '1', '2', '9', '10', '11', '99', '100', '1000'][random(9)];
  const word = () =>
    ['0', '1', '2', '10', '11', 'a', 'b', 'ab', 'a-', 'a1', 'alpha', 'beta', 'rc', 'rc1', 'A', '-', '--', '0a', 'x-y'][
      random(19)
    ];
  const words = (most: number) => Array.from({ length: 1 + random(most) }, word).join('.');
  const prerelease = random(3) > 0 ? `-${words(3)}` : '';
  const build = random(4) === 0 ? `+${words(2)}` : '';
  return `${number()}.${number()}.${random(3)}${prerelease}${build}`;
}

describe('the semver ordering', () => {
  it('agrees with a known implementation on 20000 random pairs', () => {
    const random = seeded(7);
    let ties = 0;
    for (let round = 0; round < 20_000; round++) {
      const a = randomVersion(random);
      // Half of the pairs share their core, where the pre-release decides.
      const other = randomVersion(random);
      const b = random(2) === 0 ? other : `${a.split(/[-+]/)[0]}${other.slice(other.split(/[-+]/)[0]?.length)}`;
      const wanted = semver.compare(a, b);
      expect(Math.sign(compareVersions('semver', a, b)), `${a} and ${b}`).toBe(wanted);
      if (wanted === 0) ties++;
    }
    expect(ties).toBeGreaterThan(50);
  });

  it('follows the example of semver.org, section 11', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '2.0.0',
      '2.1.0',
      '2.1.1',
    ];
    expect([...ordered].reverse().sort((a, b) => compareVersions('semver', a, b))).toEqual(ordered);
  });

  it('compares numbers of any length', () => {
    const ordered = [
      `1.0.${'9'.repeat(9)}`,
      `1.0.${'9'.repeat(10)}`,
      `1.0.1${'0'.repeat(10)}`,
      `1.0.${'9'.repeat(99)}`,
      `1.0.1${'0'.repeat(99)}`,
    ];
    expect([...ordered].reverse().sort((a, b) => compareVersions('semver', a, b))).toEqual(ordered);
    expect(compareVersions('semver', `1.0.0-${'9'.repeat(30)}`, `1.0.0-1${'0'.repeat(30)}`)).toBeLessThan(0);
  });

  it('puts what is no semantic version below all that are, as text', () => {
    const ordered = ['', '01.0.0', '1.0', '1.0.0-01', '1.0.0.0', 'latest', '\u{1f600}', '0.0.0-0', '0.0.0'];
    expect([...ordered].reverse().sort((a, b) => compareVersions('semver', a, b))).toEqual(ordered);
  });

  it('ignores build metadata and a leading v', () => {
    expect(compareVersions('semver', '1.0.0+a', '1.0.0+b')).toBe(0);
    expect(compareVersions('semver', 'v1.2.3', '1.2.3')).toBe(0);
    expect(compareVersions('semver', 'v1.10.0', 'v1.9.0')).toBeGreaterThan(0);
  });

  it('knows a pre-release', () => {
    expect(isPrerelease('semver', '1.0.0-rc.1')).toBe(true);
    expect(isPrerelease('semver', '1.0.0+rc.1')).toBe(false);
    expect(isPrerelease('semver', '1.0-rc.1')).toBe(false);
    expect(isPrerelease('natural', '1.0.0-rc.1')).toBe(false);
  });

  it('reads a hostile version in linear time', () => {
    const started = performance.now();
    versionSortKey('semver', `1.0.0-${'1'.repeat(100_000)}!`);
    versionSortKey('semver', `1.0.0-${'a.'.repeat(100_000)}`);
    versionSortKey('natural', '0'.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('the other orderings', () => {
  it('natural compares runs of digits as numbers', () => {
    const ordered = ['1.0', '1.0.1', '1.0a', '1.2', '1.10', '1.010a', '2', '10', 'a2', 'a10', 'b'];
    expect([...ordered].reverse().sort((a, b) => compareVersions('natural', a, b))).toEqual(ordered);
    expect(compareVersions('natural', '1.02', '1.2')).toBe(0);
    expect(compareVersions('natural', '1.00', '1.0')).toBe(0);
  });

  it('text compares bytes', () => {
    expect(compareVersions('text', '10', '9')).toBeLessThan(0);
    expect(versionSortKey('text', '1.0')).toBe('1.0');
  });
});

describe('byte order', () => {
  it('is that of UTF-8, beyond the basic plane too', () => {
    const texts = [
      '',
      'a',
      'ab',
      'b',
      'é',
      '\uffff',
      '\ue000',
      '\u{10000}',
      '\u{1f600}',
      'a\u{1f600}',
      'a\uffff',
      '/',
      '-',
      '0',
    ];
    for (const a of texts) {
      for (const b of texts) {
        expect(Math.sign(compareBytes(a, b)), `${a} and ${b}`).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }
    }
  });
});

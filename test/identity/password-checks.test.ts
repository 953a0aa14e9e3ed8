import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openPasswordChecks } from '../../src/identity/password-checks.ts';
import * as hashing from '../../src/identity/password-hash.ts';
import { CHEAP, failure, PASSWORD, steppingClock } from './fixture.ts';

vi.mock('../../src/identity/password-hash.ts', { spy: true });
const runs = vi.mocked(hashing.verifyPassword).mock;

const MINUTE = 60_000;

describe('password checks', () => {
  beforeEach(() => vi.clearAllMocks());

  test('a right password is remembered for five minutes, and then answers without a promise', async () => {
    const clock = steppingClock();
    const checks = openPasswordChecks({ clock, cost: CHEAP });
    const hash = await checks.hash(PASSWORD);
    expect(await checks.verify('ada', PASSWORD, hash)).toBe(true);
    clock.advance(5 * MINUTE - 1);
    expect(checks.verify('ada', PASSWORD, hash)).toBe(true);
    expect(runs.calls).toHaveLength(1);
    clock.advance(1);
    expect(await checks.verify('ada', PASSWORD, hash)).toBe(true);
    expect(runs.calls).toHaveLength(2);
  });

  test('so is a wrong one: a client that repeats its mistake costs one hash', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    const hash = await checks.hash(PASSWORD);
    expect(await checks.verify('ada', 'wrong', hash)).toBe(false);
    expect(checks.verify('ada', 'wrong', hash)).toBe(false);
    expect(runs.calls).toHaveLength(1);
  });

  test('the memory is of this user, this password and this hash', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    const [old, renewed] = [await checks.hash(PASSWORD), await checks.hash('another password')];
    expect(await checks.verify('ada', PASSWORD, old)).toBe(true);
    expect(await checks.verify('ada', PASSWORD, renewed)).toBe(false);
    expect(await checks.verify('ad', `a${PASSWORD}`, old)).toBe(false);
    expect(await checks.verify('bob', PASSWORD, old)).toBe(true);
    expect(runs.calls).toHaveLength(4);
  });

  test('nobody costs as much as somebody', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    expect(await checks.verify('ghost', PASSWORD, null)).toBe(false);
    expect(runs.calls).toHaveLength(1);
    expect(hashing.isOutdated(runs.calls[0]![1], CHEAP)).toBe(false);
  });

  test('the same question asked at once is answered by one hash', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    const hash = await checks.hash(PASSWORD);
    const answers = await Promise.all(Array.from({ length: 100 }, () => checks.verify('ada', PASSWORD, hash)));
    expect(answers.every(Boolean)).toBe(true);
    expect(runs.calls).toHaveLength(1);
  });

  test('a flood of guesses is refused above the bound, runs two at a time, and known passwords pass meanwhile', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    const hash = await checks.hash(PASSWORD);
    await checks.verify('ada', PASSWORD, hash);
    const guesses = await Promise.allSettled([
      ...Array.from({ length: 100 }, async (_, i) => checks.verify('ada', `guess ${i}`, hash)),
      (async () => expect(checks.verify('ada', PASSWORD, hash)).toBe(true))(),
    ]);
    const refused = guesses.filter((guess) => guess.status === 'rejected');
    expect(refused).toHaveLength(100 - 34);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'RATE_LIMITED' });
    // What was refused was not judged, so it is asked anew.
    expect(await checks.verify('ada', 'guess 99', hash)).toBe(false);
  });

  test('a hash that cannot be read fails every time and holds no place', async () => {
    const checks = openPasswordChecks({ clock: steppingClock(), cost: CHEAP });
    for (let i = 0; i < 5; i++) {
      expect(await failure(() => checks.verify('ada', PASSWORD, 'rubbish'))).toMatchObject({ code: 'INTERNAL' });
    }
    expect(await checks.verify('ada', PASSWORD, await checks.hash(PASSWORD))).toBe(true);
  });
});

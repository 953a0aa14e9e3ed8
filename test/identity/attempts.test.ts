import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openAttempts } from '../../src/identity/attempts.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { networkOf } from '../../src/identity/network.ts';
import { basic, bearer, CHEAP, failure, memoryStore, PASSWORD, SCOPES, steppingClock } from './fixture.ts';

const LIMITS = { perAccount: 3, perAddress: 5, windowSeconds: 60 };
const HOME = '192.0.2.1';
const STRANGER = '198.51.100.7';
const INVALID = expect.objectContaining({ code: 'INVALID_CREDENTIALS' });
const LIMITED = expect.objectContaining({ code: 'RATE_LIMITED', status: 429 });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function setUp() {
  const clock = steppingClock();
  const store = await memoryStore(clock);
  const identity = openIdentity({ store, clock, scopes: SCOPES, hashCost: CHEAP, attempts: openAttempts(LIMITS) });
  for (const username of ['ada', 'bob']) await identity.createUser({ username, password: PASSWORD, scopes: ['read'] });
  const wrong = (username: string, address: string | null, guess = 'wrong password') =>
    failure(() => identity.login(username, guess, address));
  return { identity, wrong };
}

/** All that whoever is refused can see. */
function seen(error: unknown): unknown {
  const { code, message, status, details, headers } = Object(error);
  return { code, message, status, details, headers };
}

describe('guessing passwords', () => {
  test('is over after some failures, right or wrong, until the window has passed', async () => {
    const { identity, wrong } = await setUp();
    for (let i = 0; i < LIMITS.perAccount; i++) expect(await wrong('ada', STRANGER)).toEqual(INVALID);
    expect(await wrong('ada', STRANGER)).toEqual(LIMITED);
    expect(await wrong('ADA', STRANGER, PASSWORD)).toEqual(LIMITED);
    vi.advanceTimersByTime(20_000);
    expect(await wrong('ada', STRANGER, PASSWORD)).toMatchObject({ headers: { 'Retry-After': '40' } });
    vi.advanceTimersByTime(40_000);
    expect((await identity.login('ada', PASSWORD, STRANGER)).user.username).toBe('ada');
  });

  test('is bound in Basic credentials as in logins, and by one count', async () => {
    const { identity, wrong } = await setUp();
    for (const guess of ['guess one', 'guess two'])
      expect(await failure(() => identity.authenticate(basic('ada', guess), STRANGER))).toEqual(INVALID);
    expect(await wrong('ada', STRANGER)).toEqual(INVALID);
    expect(await failure(() => identity.authenticate(basic('ada', PASSWORD), STRANGER))).toEqual(LIMITED);
    expect(await wrong('ada', STRANGER)).toEqual(LIMITED);
  });

  test('is bound where the address is not known', async () => {
    const { wrong } = await setUp();
    for (let i = 0; i < LIMITS.perAccount; i++) expect(await wrong('ada', null)).toEqual(INVALID);
    expect(await wrong('ada', null, PASSWORD)).toEqual(LIMITED);
  });

  test('is bound by address over many names', async () => {
    const { identity, wrong } = await setUp();
    for (let i = 0; i < LIMITS.perAddress; i++) expect(await wrong(`name${i}`, STRANGER)).toEqual(INVALID);
    expect(await wrong('ada', STRANGER, PASSWORD)).toEqual(LIMITED);
    expect((await identity.login('ada', PASSWORD, HOME)).user.username).toBe('ada');
  });

  test('is bound when changing the password', async () => {
    const { identity } = await setUp();
    const change = () => failure(() => identity.changePassword('ada', 'wrong password', 'quite another one', HOME));
    for (let i = 0; i < LIMITS.perAccount; i++) expect(await change()).toEqual(INVALID);
    expect(await change()).toEqual(LIMITED);
  });

  test('tells nothing of who exists: unknown, without password, disabled and known look alike all the way', async () => {
    const { identity, wrong } = await setUp();
    await identity.createUser({ username: 'carl', password: null, scopes: [] });
    await identity.createUser({ username: 'dora', password: PASSWORD, scopes: [] });
    await identity.disableUser('dora');
    const answers: unknown[] = [];
    for (const [index, name] of ['ada', 'nobody', 'carl', 'dora'].entries()) {
      const guess = name === 'dora' ? PASSWORD : 'wrong password';
      const answer = [];
      for (let i = 0; i < 5; i++) answer.push(seen(await wrong(name, `192.0.2.${index + 10}`, guess)));
      answers.push(answer);
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject([
      { status: 401 },
      { status: 401 },
      { status: 401 },
      { status: 429 },
      { status: 429 },
    ]);
  });

  test('by strangers does not lock out who comes from where they came before', async () => {
    const { identity, wrong } = await setUp();
    await identity.login('ada', PASSWORD, HOME);
    for (let i = 0; i < 4; i++) await wrong('ada', STRANGER);
    expect(await wrong('ada', STRANGER, PASSWORD)).toEqual(LIMITED);
    expect(await wrong('ada', '203.0.113.9', PASSWORD)).toEqual(LIMITED);
    expect((await identity.login('ada', PASSWORD, HOME)).user.username).toBe('ada');
    // From there, too, guesses are bound.
    for (let i = 0; i < LIMITS.perAccount; i++) expect(await wrong('ada', HOME)).toEqual(INVALID);
    expect(await wrong('ada', HOME, PASSWORD)).toEqual(LIMITED);
  });

  test('touches neither other users nor tokens', async () => {
    const { identity, wrong } = await setUp();
    const { token } = await identity.createToken({ user: 'ada', name: 'ci', scopes: null, expiresAt: null });
    for (let i = 0; i < 4; i++) await wrong('ada', STRANGER);
    expect(await identity.authenticate(bearer(token), STRANGER)).toMatchObject({ sub: 'ada' });
    expect((await identity.login('bob', PASSWORD, STRANGER)).user.username).toBe('bob');
  });

  test('does not count what is right, however often and at once', async () => {
    const { identity } = await setUp();
    const all = Array.from({ length: 20 }, () => identity.login('ada', PASSWORD, HOME));
    expect(await Promise.all(all)).toHaveLength(20);
  });
});

describe('addresses that count as one client', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::'],
    ['2001:db8:1:3::1', '2001:db8:1:3::'],
    ['::1', '::'],
    ['', ''],
    ['/var/run/a.sock', '/var/run/a.sock'],
  ])('%s -> %s', (address, network) => expect(networkOf(address)).toBe(network));
});

import { describe, expect, test, vi } from 'vitest';
import { openIdentity } from '../../src/identity/identity.ts';
import * as hashing from '../../src/identity/password-hash.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { basic, bearer, CHEAP, failure, PASSWORD, SCOPES, steppingClock, withAda } from './fixture.ts';
import { type OpenAgain, STORES } from './stores.ts';

vi.mock('../../src/identity/password-hash.ts', { spy: true });

const INVALID = expect.objectContaining({ code: 'INVALID_CREDENTIALS' });
const HOUR = 3_600_000;

describe.each(STORES)('identity on $name', ({ open }) => {
  async function setUp() {
    const clock = steppingClock();
    const openAgain = await open(clock);
    const store = await openAgain();
    const identity = await withAda(store, clock);
    const { id, token } = await identity.createToken({ user: 'ada', name: 'laptop', scopes: null, expiresAt: null });
    return { clock, store, openAgain, identity, id, token };
  }

  /** Another process on the same data: nothing remembered. */
  const reopened = async (openAgain: OpenAgain, clock: Clock) =>
    openIdentity({ store: await openAgain(), clock, scopes: SCOPES, hashCost: CHEAP });

  test('nobody without a header; two headers are not well formed', async () => {
    const { identity, token } = await setUp();
    expect(identity.authenticate([])).toBeNull();
    expect(await failure(() => identity.authenticate([...bearer(token), ...bearer(token)]))).toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  test('a token or a password makes a frozen principal', async () => {
    const { identity, token } = await setUp();
    const ada = { sub: 'ada', scopes: ['read', 'publish'], roles: ['author'], org: 'acme' };
    for (const header of [
      bearer(token),
      basic('ada', PASSWORD),
      basic('ADA', PASSWORD),
      basic('Ada', token),
      basic('__token__', token),
      basic('token', token),
    ]) {
      const principal = await identity.authenticate(header);
      expect(principal).toEqual(ada);
      expect(Object.isFrozen(principal) && Object.isFrozen(principal?.scopes)).toBe(true);
    }
  });

  test('what is wrong is not told', async () => {
    const { identity, token } = await setUp();
    await identity.createUser({ username: 'bob', password: null, scopes: ['read'] });
    await identity.createUser({ username: 'eve', password: PASSWORD, scopes: ['read'] });
    await identity.disableUser('eve');
    const { token: strange } = await (await setUp()).identity.createToken({
      user: 'ada',
      name: 'x',
      scopes: null,
      expiresAt: null,
    });
    const headers = [
      basic('ada', 'wrong password'),
      basic('ghost', PASSWORD),
      basic('bob', PASSWORD),
      basic('eve', PASSWORD),
      basic('bob', token),
      bearer(strange),
      bearer('ept_x'),
      ['Nonsense x'],
      basic('bob', hashing.unmatchableHash(CHEAP)),
    ];
    const seen = new Set<string>();
    for (const header of headers) {
      const error = await failure(() => identity.authenticate(header));
      expect(error).toEqual(INVALID);
      const { code, message, status, details, headers: sent, cause } = Object(error);
      seen.add(JSON.stringify({ code, message, status, details, sent, cause }));
    }
    expect(seen.size).toBe(1);
  });

  test('an unknown user, one without password, a disabled one and a wrong password cost one hash at the same cost', async () => {
    const { identity } = await setUp();
    await identity.createUser({ username: 'bob', password: null, scopes: [] });
    await identity.createUser({ username: 'eve', password: PASSWORD, scopes: [] });
    await identity.disableUser('eve');
    for (const [user, password] of [
      ['ghost', PASSWORD],
      ['bob', PASSWORD],
      ['eve', PASSWORD],
      ['ada', 'wrong password'],
    ] as const) {
      vi.mocked(hashing.verifyPassword).mockClear();
      expect(await failure(() => identity.login(user, password))).toEqual(INVALID);
      const { calls } = vi.mocked(hashing.verifyPassword).mock;
      expect(calls).toHaveLength(1);
      expect(calls[0]![1]).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$[^$]{22}\$[^$]{43}$/);
    }
  });

  test('a revoked token ends at once, here and in another process', async () => {
    const { identity, id, token, openAgain, clock } = await setUp();
    const other = await reopened(openAgain, clock);
    expect(await identity.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    expect(await other.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    expect(await identity.revokeToken(id)).toBe(true);
    for (const one of [identity, other]) expect(await failure(() => one.authenticate(bearer(token)))).toEqual(INVALID);
    expect(await identity.revokeToken(id)).toBe(false);
    for (const none of ['0'.repeat(32), '', '\u0000', 'x'.repeat(5000), token])
      expect(await identity.revokeToken(none)).toBe(false);
  });

  test('a changed password ends the old one and the sessions at once, not the tokens', async () => {
    const { identity, token, openAgain, clock } = await setUp();
    const other = await reopened(openAgain, clock);
    const session = await identity.login('Ada', PASSWORD);
    for (const one of [identity, other]) {
      expect(await one.authenticate(basic('ada', PASSWORD))).toMatchObject({ sub: 'ada' });
      expect(await one.authenticate(bearer(session.token))).toMatchObject({ sub: 'ada' });
    }
    await identity.setPassword('ada', 'quite another one');
    for (const one of [identity, other]) {
      expect(await failure(() => one.authenticate(basic('ada', PASSWORD)))).toEqual(INVALID);
      expect(await failure(() => one.authenticate(bearer(session.token)))).toEqual(INVALID);
      expect(await one.authenticate(basic('ada', 'quite another one'))).toMatchObject({ sub: 'ada' });
      expect(await one.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    }
  });

  test('a password changed while a login is under way makes that session void', async () => {
    const { identity } = await setUp();
    vi.mocked(hashing.verifyPassword).mockImplementationOnce(async () => {
      await identity.setPassword('ada', 'quite another one');
      return true;
    });
    const session = await identity.login('ada', PASSWORD);
    expect(await failure(() => identity.authenticate(bearer(session.token)))).toEqual(INVALID);
  });

  test('a disabled user is nobody until enabled again', async () => {
    const { identity, token } = await setUp();
    await identity.authenticate(bearer(token));
    await identity.authenticate(basic('ada', PASSWORD));
    expect(await identity.disableUser('ada')).toMatchObject({ disabled: true });
    for (const header of [bearer(token), basic('ada', PASSWORD)])
      expect(await failure(() => identity.authenticate(header))).toEqual(INVALID);
    await identity.enableUser('ada');
    for (const header of [bearer(token), basic('ada', PASSWORD)])
      expect(await identity.authenticate(header)).toMatchObject({ sub: 'ada' });
  });

  test('a token grants what it names and its user has at the time', async () => {
    const { identity } = await setUp();
    const { token } = await identity.createToken({
      user: 'ada',
      name: 'ci',
      scopes: ['publish', 'publish'],
      expiresAt: null,
    });
    const scopes = async () => (await identity.authenticate(bearer(token)))?.scopes;
    expect(await scopes()).toEqual(['publish']);
    await identity.setUserScopes('ada', ['read', 'admin']);
    expect(await scopes()).toEqual([]);
    await identity.setUserScopes('ada', ['*']);
    expect(await scopes()).toEqual(['publish']);
    expect((await identity.authenticate(basic('ada', PASSWORD)))?.scopes).toEqual(SCOPES);
  });

  test('a token ends when its time has come, remembered or not', async () => {
    const { identity, clock, openAgain } = await setUp();
    const { token, expiresAt } = await identity.createToken({
      user: 'ada',
      name: 'day',
      scopes: null,
      expiresAt: '2030-01-01T01:00:00Z',
    });
    expect(expiresAt).toBe('2030-01-01T01:00:00.000Z');
    clock.advance(HOUR - 1);
    expect(await identity.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    clock.advance(1);
    for (const one of [identity, await reopened(openAgain, clock)])
      expect(await failure(() => one.authenticate(bearer(token)))).toEqual(INVALID);
  });

  test('tokens that cannot be made', async () => {
    const { identity } = await setUp();
    const good = { user: 'ada', name: 'x', scopes: null, expiresAt: null };
    const make = (change: object) => failure(() => identity.createToken({ ...good, ...change }));
    expect(await make({ user: 'ghost' })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await make({ user: 'no such:name' })).toMatchObject({ code: 'NOT_FOUND' });
    for (const bad of [
      { name: '' },
      { scopes: ['admin'] },
      { scopes: ['rubbish'] },
      { expiresAt: '2029-01-01' },
      { expiresAt: 'soon' },
    ]) {
      expect(await make(bad)).toMatchObject({ code: 'VALUE_INVALID' });
    }
    expect(await identity.listTokens('ada')).toHaveLength(1);
  });

  test('tokens are listed by user, oldest first, without what could be used', async () => {
    const { identity, id, clock } = await setUp();
    clock.advance(1000);
    await identity.createUser({ username: 'bob', password: null, scopes: ['*'] });
    await identity.createToken({ user: 'bob', name: 'other', scopes: null, expiresAt: null });
    const { expiresAt } = await identity.login('ada', PASSWORD);
    await identity.revokeToken(id);
    const [first, second, ...more] = await identity.listTokens('ADA');
    expect(more).toEqual([]);
    expect(first).toEqual({
      id,
      user: 'ada',
      name: 'laptop',
      scopes: null,
      createdAt: '2030-01-01T00:00:00.000Z',
      expiresAt: null,
      revokedAt: '2030-01-01T00:00:01.000Z',
      session: false,
    });
    expect(second).toMatchObject({ name: 'login', session: true, expiresAt, revokedAt: null });
    expect(Object.keys(second!)).not.toContain('hash');
    clock.advance(13 * HOUR);
    expect(await identity.listTokens('ada')).toHaveLength(1);
    clock.advance(30 * 24 * HOUR);
    expect(await identity.listTokens('ada')).toEqual([]);
    expect(await identity.listTokens('nobody at all')).toEqual([]);
  });

  test('more tokens than a page are all listed', async () => {
    const { identity } = await setUp();
    for (let i = 0; i < 450; i++)
      await identity.createToken({ user: 'ada', name: `n${i}`, scopes: null, expiresAt: null });
    const tokens = await identity.listTokens('ada');
    expect(new Set(tokens.map(({ id }) => id)).size).toBe(451);
  });

  test('a login gives a session, and the user without the password', async () => {
    const { identity } = await setUp();
    const session = await identity.login('ADA', PASSWORD);
    expect(session).toEqual({
      token: expect.stringMatching(/^ept_/),
      user: {
        username: 'ada',
        scopes: ['read', 'publish'],
        roles: ['author'],
        org: 'acme',
        disabled: false,
        createdAt: '2030-01-01T00:00:00.000Z',
      },
      expiresAt: '2030-01-01T12:00:00.000Z',
    });
    expect(await identity.authenticate(bearer(session.token))).toMatchObject({
      sub: 'ada',
      scopes: ['read', 'publish'],
    });
    for (const [user, password] of [
      ['', ''],
      ['ada', ''],
      ['', PASSWORD],
      ['ada', 'x'.repeat(100_000)],
      ['a'.repeat(100_000), PASSWORD],
      ['__proto__', PASSWORD],
    ] as const) {
      expect(await failure(() => identity.login(user, password))).toEqual(INVALID);
    }
  });

  test('a login renews a hash of former cost; the sessions go on', async () => {
    const { identity, store, clock } = await setUp();
    const before = await identity.login('ada', PASSWORD);
    const dearer = openIdentity({ store, clock, scopes: SCOPES, hashCost: { ...CHEAP, passes: 2 } });
    await dearer.login('ada', PASSWORD);
    const stored = await store.get('$users', 'ada');
    expect(stored?.value).toContain('$m=8,t=2,p=1$');
    for (const one of [identity, dearer]) {
      expect(await one.authenticate(bearer(before.token))).toMatchObject({ sub: 'ada' });
      expect(await one.authenticate(basic('ada', PASSWORD))).toMatchObject({ sub: 'ada' });
    }
  });

  test('users: made once, found, listed, changed', async () => {
    const { identity } = await setUp();
    const names = ['bob', 'carl@example.org', 'dora'];
    for (const username of names) await identity.createUser({ username, password: null, scopes: [] });
    expect(await failure(() => identity.createUser({ username: 'BOB', password: null, scopes: [] }))).toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    expect(await identity.getUser('Ada')).toMatchObject({ username: 'ada' });
    expect(await identity.getUser('ghost')).toBeNull();
    expect(await identity.getUser('../ada')).toBeNull();
    const first = await identity.listUsers(null, 3);
    expect(first.users.map(({ username }) => username)).toEqual(['ada', 'bob', 'carl@example.org']);
    const rest = await identity.listUsers(first.next, 3);
    expect(rest).toMatchObject({ users: [{ username: 'dora' }], next: null });
    for (const change of [
      () => identity.setPassword('ghost', PASSWORD),
      () => identity.setUserScopes('ghost', []),
      () => identity.disableUser('no:body'),
    ]) {
      expect(await failure(change)).toMatchObject({ code: 'NOT_FOUND' });
    }
    for (const change of [
      () => identity.setPassword('ada', 'short'),
      () => identity.setPassword('ada', 'ada'),
      () => identity.setUserScopes('ada', ['root']),
      () => identity.createUser({ username: 'token', password: null, scopes: [] }),
    ]) {
      expect(await failure(change)).toMatchObject({ code: 'VALUE_INVALID' });
    }
  });

  test('of a hundred that make one user at once, one does; of changes at once, none is lost', async () => {
    const { identity } = await setUp();
    const made = await Promise.allSettled(
      Array.from({ length: 100 }, () => identity.createUser({ username: 'bob', password: null, scopes: ['read'] })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all([
      identity.setUserScopes('bob', ['admin']),
      identity.disableUser('bob'),
      identity.setPassword('bob', PASSWORD),
    ]);
    expect(await identity.getUser('bob')).toMatchObject({ scopes: ['admin'], disabled: true });
    await identity.enableUser('bob');
    expect(await identity.authenticate(basic('bob', PASSWORD))).toMatchObject({ sub: 'bob' });
  });

  test('the first start makes the admin, with a password that nobody could guess; later starts leave it alone', async () => {
    const clock = steppingClock();
    const openAgain = await open(clock);
    const starts = await Promise.all(
      Array.from({ length: 8 }, async () => (await reopened(openAgain, clock)).ensureAdmin({ password: null })),
    );
    const made = starts.filter(({ created }) => created);
    expect(made).toHaveLength(1);
    const password = made[0]!.generatedPassword!;
    expect(password).toMatch(/^[0-9A-Za-z]{25}$/);
    for (const start of starts) if (!start.created) expect(start.generatedPassword).toBeNull();
    const identity = await reopened(openAgain, clock);
    expect(await identity.authenticate(basic('admin', password))).toMatchObject({ sub: 'admin', scopes: SCOPES });
    expect(await identity.ensureAdmin({ password: 'some other password' })).toEqual({
      created: false,
      generatedPassword: null,
    });
    expect(await failure(() => identity.authenticate(basic('admin', 'some other password')))).toEqual(INVALID);
    // A scope that the registry declares later is the admin's too.
    const grown = openIdentity({ store: await openAgain(), clock, scopes: [...SCOPES, 'audit'], hashCost: CHEAP });
    expect(await grown.authenticate(basic('admin', password))).toMatchObject({ scopes: [...SCOPES, 'audit'] });
  });

  test('the admin with a given password; a weak one is refused and nobody is made', async () => {
    const clock = steppingClock();
    const openAgain = await open(clock);
    const identity = await reopened(openAgain, clock);
    for (const password of ['', 'admin', 'short'])
      expect(await failure(() => identity.ensureAdmin({ password }))).toMatchObject({ code: 'VALUE_INVALID' });
    expect(await identity.getUser('admin')).toBeNull();
    expect(await identity.ensureAdmin({ password: PASSWORD })).toEqual({ created: true, generatedPassword: null });
    expect(await identity.authenticate(basic('admin', PASSWORD))).toMatchObject({ sub: 'admin' });
  });

  test('neither password nor token is stored, or in an error', async () => {
    const { identity, store, token } = await setUp();
    const { token: session } = await identity.login('ada', PASSWORD);
    const users = await store.list({ collection: '$users', prefix: '', after: null, limit: 100 });
    const tokens = await store.list({ collection: '$tokens', prefix: '', after: null, limit: 100 });
    expect(tokens.records).toHaveLength(2);
    const errors = [
      await failure(() => identity.authenticate(basic('bob', token))),
      await failure(() => identity.authenticate(basic('ghost', PASSWORD))),
      await failure(() => identity.login('ghost', PASSWORD)),
      await failure(() => identity.createUser({ username: 'ada', password: PASSWORD, scopes: [] })),
    ].map((error) => [String(error), Object(error).stack, JSON.stringify(error)]);
    const everything = JSON.stringify([users, tokens, errors]);
    for (const secret of [PASSWORD, token, session]) expect(everything).not.toContain(secret);
  });
});

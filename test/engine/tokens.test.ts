import { describe, expect, it } from 'vitest';
import { openTestRegistry, STORE_KINDS } from '../support/registry.ts';
import { begin, body, commit, get, put, registryOf, reply, route } from './steps.ts';

/** Tokens by the steps of routes, with credentials as clients send them. */
describe.each(STORE_KINDS)('tokens by steps on %s', (kind) => {
  const SCOPES = [
    { name: 'read', actions: ['kv.get'] },
    { name: 'write', actions: ['kv.put'] },
    { name: 'all', actions: ['*'] },
  ];
  const PASSWORD = 'ann ann ann';
  const login = { op: 'auth.authenticate', args: { username: '$body.name', password: '$body.password', out: 'who' } };
  const issue = (args: object) => ({ op: 'token.issue', args: { name: 'made', out: 'made', ...args } });

  async function open(auth: object = {}) {
    const registry = await openTestRegistry(
      registryOf(
        [
          route('login', [body(), login, issue({ for: '$who', session: true }), reply('$made')]),
          route('long', [
            body(),
            login,
            issue({ for: '$who', session: true, expires_in_seconds: 86_400, scopes: ['read'] }),
            reply('$made'),
          ]),
          route('make', [body(), issue({ scopes: '$body.scopes' }), reply('$made')]),
          route('session', [body(), issue({ session: true }), reply('$made')]),
          route('forge', [body(), issue({ for: '$body' }), reply('$made')]),
          route('copy', [body(), login, issue({ for: '{% who %}' }), reply('$made')]),
          route('list', [
            { op: 'token.list', args: { limit: 2, cursor: '$request.query.cursor', out: 'tokens', out_next: 'next' } },
            reply({ tokens: '$tokens', next: '$next' }),
          ]),
          route('revoke', [body(), { op: 'token.revoke', args: { token: '$body.token' } }, reply({ ok: true })]),
          route('both', [
            body(),
            begin,
            get('one', 'before'),
            login,
            issue({ for: '$who' }),
            put('one', { n: '$made.id' }),
            commit,
            reply({ id: '$made.id', before: '$before' }),
          ]),
          route('me', [reply('$principal')]),
        ],
        { auth: { scopes: SCOPES, ...auth } },
      ),
      { kind },
    );
    const { identity } = registry.registry;
    await identity.createUser({ username: 'ann', password: PASSWORD, scopes: ['read', 'write'] });
    await identity.createUser({ username: 'bob', password: 'bob bob bob', scopes: ['read'] });
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const basic = (credentials: string) => ({
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
    });
    const post = (path: string, json: object = {}, headers: Record<string, string> = {}) =>
      registry.send('POST', path, { body: json, headers });
    const asAnn = { name: 'ann', password: PASSWORD };
    return { ...registry, identity, bearer, basic, post, asAnn };
  }

  it.each(['tokens', 'jwt'])('a session as a login gives it ends with the password (%s)', async (source) => {
    const { post, bearer, identity, asAnn } = await open({ principals: { source } });
    const { token, session, expires_at } = (await post('/login', asAnn)).json;
    expect(session).toBe(true);
    const ends = (Date.parse(expires_at) - Date.now()) / 1000;
    const lasts = source === 'jwt' ? 900 : 43_200;
    expect(ends).toBeGreaterThan(lasts - 60);
    expect(ends).toBeLessThanOrEqual(lasts);
    expect((await post('/me', {}, bearer(token))).json).toMatchObject({ sub: 'ann', scopes: ['read', 'write'] });

    const long = (await post('/long', asAnn)).json;
    expect(Date.parse(long.expires_at) - Date.now()).toBeGreaterThan(86_300_000);
    expect((await post('/me', {}, bearer(long.token))).json.scopes).toEqual(['read']);
    // A session narrowed makes nothing wider, and no session.
    expect((await post('/make', { scopes: ['write'] }, bearer(long.token))).status).toBe(400);
    expect((await post('/session', {}, bearer(long.token))).json.error.code).toBe('FORBIDDEN');

    await identity.setPassword('ann', 'another password');
    expect((await post('/me', {}, bearer(token))).status).toBe(401);
    expect((await post('/me', {}, bearer(long.token))).status).toBe(401);
  });

  it('nobody gets a token for a principal that was sent or copied', async () => {
    const { post, basic, asAnn } = await open();
    const forged = { sub: 'admin', scopes: ['all'], roles: [], org: null };
    for (const headers of [{}, basic('bob:bob bob bob')]) {
      expect((await post('/forge', forged, headers)).json.error.code).toBe('FORBIDDEN');
    }
    expect((await post('/copy', asAnn)).json.error.code).toBe('FORBIDDEN');
  });

  it('a token made with another may not do more, and not for longer', async () => {
    const { post, bearer, identity } = await open();
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const narrow = await identity.createToken({ user: 'ann', name: 'ci', scopes: ['read'], expiresAt });
    const made = (await post('/make', { scopes: null }, bearer(narrow.token))).json;
    expect(made).toMatchObject({ user: 'ann', scopes: ['read'], expires_at: expiresAt, session: false });
    expect((await post('/me', {}, bearer(made.token))).json).toMatchObject({ sub: 'ann', scopes: ['read'] });
    for (const scopes of [['write'], ['all'], ['read', 'nothing'], 'read', [1]]) {
      const { status, json } = await post('/make', { scopes }, bearer(narrow.token));
      expect({ status, code: json.error.code }).toEqual({ status: 400, code: 'VALUE_INVALID' });
    }
  });

  it('lists what is valid, by the page, and each user sees the own alone', async () => {
    const { post, basic, bearer, identity } = await open();
    for (const name of ['a', 'b', 'c', 'd']) {
      await identity.createToken({ user: 'ann', name, scopes: null, expiresAt: null });
    }
    const foreign = await identity.createToken({ user: 'bob', name: 'x', scopes: null, expiresAt: null });
    const ann = basic(`ann:${PASSWORD}`);
    const first = (await post('/list', {}, ann)).json;
    await identity.revokeToken(first.tokens[0].id);
    const second = (await post(`/list?cursor=${encodeURIComponent(first.next)}`, {}, ann)).json;
    const names = [...first.tokens, ...second.tokens].map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(second.next).toBeNull();
    expect((await post('/list', {}, ann)).json.tokens).toHaveLength(2);
    expect(JSON.stringify(first)).not.toMatch(/ept_|hash|generation/);
    // Another user's cursor is none.
    const stolen = await post(`/list?cursor=${encodeURIComponent(first.next)}`, {}, bearer(foreign.token));
    expect(stolen.json.error.code).toBe('CURSOR_INVALID');
    expect((await post('/list', {}, bearer(foreign.token))).json.tokens).toMatchObject([{ name: 'x', user: 'bob' }]);
  });

  it.each(['tokens', 'jwt'])('ends by its text or id, and by its own user or an administrator (%s)', async (source) => {
    const { post, basic, bearer, identity, asAnn } = await open({ principals: { source } });
    await identity.createUser({ username: 'root', password: 'root root root', scopes: ['all'] });
    const one = (await post('/login', asAnn)).json;
    const two = (await post('/login', asAnn)).json;
    const bob = basic('bob:bob bob bob');
    for (const token of [one.token, one.id, 'ept_nothing', '', one.token.slice(0, -1), 'a.b.c', '0'.repeat(32)]) {
      const answer = await post('/revoke', { token }, bob);
      expect({ token, status: answer.status }).toEqual({ token, status: 404 });
    }
    expect((await post('/me', {}, bearer(one.token))).status).toBe(200);
    // A logout: the token ends itself.
    expect((await post('/revoke', { token: one.token }, bearer(one.token))).status).toBe(200);
    expect((await post('/me', {}, bearer(one.token))).status).toBe(401);
    expect((await post('/revoke', { token: two.id }, basic('root:root root root'))).status).toBe(200);
    expect((await post('/me', {}, bearer(two.token))).status).toBe(401);
  });

  it('guessing is bounded as it is everywhere, and counted together', async () => {
    const { post, identity, asAnn } = await open();
    for (let i = 0; i < 5; i++) {
      expect((await post('/login', { name: 'ann', password: `guess ${i}` })).json.error.code).toBe(
        'INVALID_CREDENTIALS',
      );
      await expect(identity.login('ann', `guess again ${i}`, '127.0.0.1')).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
    }
    const { status, headers, json } = await post('/login', asAnn);
    expect({ status, code: json.error.code }).toEqual({ status: 429, code: 'RATE_LIMITED' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  it('one token is made, however often its transaction runs again', async () => {
    const { post, identity, asAnn, registry } = await open();
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('/both', asAnn)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(registry.runtime.metrics.commitRetries).toBeGreaterThan(0);
    expect((await identity.listTokens('ann')).map(({ id }) => id).sort()).toEqual(
      answers.map(({ json }) => json.id).sort(),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { request } from '../support/raw-request.ts';
import { basic, PASSWORD, serveIdentity } from './auth-fixture.ts';

const OWN_ROUTES = [
  ['POST', '/auth/logout'],
  ['POST', '/auth/change-password'],
  ['GET', '/auth/me'],
  ['GET', '/auth/tokens'],
  ['POST', '/auth/tokens'],
  ['DELETE', `/auth/tokens/${'0'.repeat(32)}`],
] as const;

describe('all of it', () => {
  test.each(OWN_ROUTES)('%s %s is for who is somebody', async (method, path) => {
    const { send } = await serveIdentity();
    for (const [token, code] of [
      [null, 'UNAUTHORIZED'],
      ['ept_wrong', 'INVALID_CREDENTIALS'],
      ['Basic !!!', 'INVALID_CREDENTIALS'],
      [basic('ada', 'wrong password'), 'INVALID_CREDENTIALS'],
    ] as const) {
      const { status, headers, json } = await send(method, path, token, method === 'GET' ? undefined : {});
      expect(status).toBe(401);
      expect(json.error.code).toBe(code);
      expect(headers.get('www-authenticate')).toBe('Bearer');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  test('says so when two Authorization headers come', async () => {
    const { server, login } = await serveIdentity();
    const token = await login('ada');
    const header = `Authorization: Bearer ${token}\r\n`;
    const { status } = await request(
      server.port,
      `GET /auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${header}${header}\r\n`,
    );
    expect(status).toBe(400);
  });

  test('tells other methods what there is, and leaves other paths to the registry', async () => {
    const { send } = await serveIdentity();
    const { status, headers } = await send('PUT', `/auth/tokens/${'0'.repeat(32)}`);
    expect([status, headers.get('allow')]).toEqual([405, 'DELETE']);
    expect((await send('DELETE', '/auth/users/ada')).headers.get('allow')).toBe('GET, PATCH, HEAD');
    for (const path of ['/auth/tokens/', '/auth/tokens/a/b', '/auth/users/a/b', '/auth/', '/auth/other', '/v1/auth/me'])
      expect((await send('GET', path)).text).toBe('of the registry');
  });
});

describe('GET /auth/me', () => {
  test('tells who it is and how that is known', async () => {
    const { send, login, identity } = await serveIdentity();
    const me = { username: 'ada', scopes: ['read', 'publish'], roles: [], org: 'acme', admin: false };
    expect((await send('GET', '/auth/me', basic('ada'))).json).toMatchObject({ ...me, token: null });
    expect((await send('GET', '/auth/me', await login('ada'))).json).toMatchObject({ ...me, token: { session: true } });
    const { id, token } = await identity.createToken({ user: 'ada', name: 'ci', scopes: ['read'], expiresAt: null });
    const { text, json } = await send('GET', '/auth/me', token);
    expect(json).toMatchObject({
      ...me,
      scopes: ['read'],
      token: { id, name: 'ci', scopes: ['read'], session: false },
    });
    expect(text).not.toMatch(/hash|generation|argon|ept_/i);
    expect((await send('GET', '/auth/me', basic('root'))).json).toMatchObject({ username: 'root', admin: true });
  });
});

describe('POST /auth/logout', () => {
  test('ends the session that it comes with and no other', async () => {
    const { send, login } = await serveIdentity();
    const [first, second] = [await login('ada'), await login('ada')];
    expect((await send('POST', '/auth/logout', first)).json).toEqual({ ok: true });
    expect((await send('GET', '/auth/me', first)).status).toBe(401);
    expect((await send('GET', '/auth/me', second)).status).toBe(200);
    expect((await send('POST', '/auth/logout', basic('ada'))).json.error.code).toBe('VALUE_INVALID');
  });
});

describe('POST /auth/change-password', () => {
  const change = { current_password: PASSWORD, new_password: 'quite another one' };

  test('ends all sessions and the old password, gives a new session and leaves API tokens', async () => {
    const { send, login, identity } = await serveIdentity();
    const session = await login('ada');
    const { token } = await identity.createToken({ user: 'ada', name: 'ci', scopes: null, expiresAt: null });
    const { status, json } = await send('POST', '/auth/change-password', session, change);
    expect(status).toBe(200);
    expect(json).toMatchObject({ ok: true, user: { username: 'ada' }, expires_at: expect.any(String) });
    expect((await send('GET', '/auth/me', session)).status).toBe(401);
    expect((await send('GET', '/auth/me', basic('ada'))).status).toBe(401);
    for (const good of [json.token, token, basic('ada', change.new_password)])
      expect((await send('GET', '/auth/me', good)).status).toBe(200);
  });

  test.each([
    [{ ...change, current_password: 'wrong password' }, 401, 'INVALID_CREDENTIALS'],
    [{ ...change, new_password: 'short' }, 400, 'VALUE_INVALID'],
    [{ ...change, new_password: PASSWORD }, 400, 'VALUE_INVALID'],
    [{ ...change, new_password: 'ept_xxxxxxxxxxxxxxxx' }, 400, 'VALUE_INVALID'],
    [{ current_password: PASSWORD }, 400, 'VALUE_INVALID'],
    [{ ...change, new_password: 5 }, 400, 'VALUE_INVALID'],
    [{ ...change, user: 'bob' }, 400, 'VALUE_INVALID'],
    [[], 400, 'VALUE_INVALID'],
  ])('refuses %j and changes nothing', async (body, status, code) => {
    const { send, login } = await serveIdentity();
    const session = await login('ada');
    const answer = await send('POST', '/auth/change-password', session, body);
    expect(answer.status).toBe(status);
    expect(answer.json.error.code).toBe(code);
    expect(answer.text).not.toContain(PASSWORD);
    expect((await send('GET', '/auth/me', session)).status).toBe(200);
    expect((await send('GET', '/auth/me', basic('ada'))).status).toBe(200);
  });

  test('of two at once, one wins', async () => {
    const { send, login } = await serveIdentity();
    const session = await login('ada');
    const both = await Promise.all(
      ['quite another one', 'yet another one'].map((new_password) =>
        send('POST', '/auth/change-password', session, { ...change, new_password }),
      ),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
  });
});

describe('/auth/tokens', () => {
  test('a token is made, shown once, listed, used and revoked', async () => {
    const { send, login } = await serveIdentity();
    const session = await login('ada');
    const made = await send('POST', '/auth/tokens', session, {
      name: 'ci',
      scopes: ['read'],
      expires_in_seconds: 3600,
    });
    expect(made.status).toBe(201);
    const { token, id } = made.json;
    expect(made.json).toMatchObject({ ok: true, name: 'ci', user: 'ada', scopes: ['read'], session: false });
    expect(Date.parse(made.json.expires_at) - Date.now()).toBeGreaterThan(3_500_000);
    expect((await send('GET', '/auth/me', token)).json).toMatchObject({ scopes: ['read'] });
    const listed = await send('GET', '/auth/tokens', session);
    expect(listed.json.tokens.map((one: { name: string }) => one.name).sort()).toEqual(['ci', 'login']);
    expect(listed.text).not.toContain('ept_');
    expect((await send('DELETE', `/auth/tokens/${id}`, session)).json).toEqual({ ok: true });
    expect((await send('GET', '/auth/me', token)).status).toBe(401);
    expect((await send('DELETE', `/auth/tokens/${id}`, session)).status).toBe(404);
  });

  test.each([
    [{}],
    [{ name: '' }],
    [{ name: 'x', scopes: 'read' }],
    [{ name: 'x', scopes: ['admin'] }],
    [{ name: 'x', scope: ['read'] }],
    [{ name: 'x', expires_at: '2001-01-01' }],
    [{ name: 'x', expires_in_seconds: -1 }],
    [{ name: 'x', expires_in_seconds: 9e15 }],
    [{ name: 'x', expires_in_seconds: 5, expires_at: '2100-01-01' }],
  ])('%j makes none', async (body) => {
    const { send, login, identity } = await serveIdentity();
    const { status, json } = await send('POST', '/auth/tokens', await login('ada'), body);
    expect([status, json.error.code]).toEqual([400, 'VALUE_INVALID']);
    expect(await identity.listTokens('ada')).toHaveLength(1);
  });

  test('others see, make and revoke none of mine, and cannot tell whether there are any', async () => {
    const { send, login, identity } = await serveIdentity();
    const { id } = await identity.createToken({ user: 'ada', name: 'ci', scopes: null, expiresAt: null });
    const bob = await login('bob');
    expect((await send('GET', '/auth/tokens?user=ada', bob)).status).toBe(403);
    expect((await send('GET', '/auth/tokens', bob)).json.tokens).toHaveLength(1);
    expect((await send('POST', '/auth/tokens', bob, { name: 'x', user: 'ada' })).status).toBe(403);
    const [there, nowhere] = [
      await send('DELETE', `/auth/tokens/${id}`, bob),
      await send('DELETE', `/auth/tokens/${'0'.repeat(32)}`, bob),
    ];
    const { request_id: _one, ...first } = there.json.error;
    const { request_id: _two, ...second } = nowhere.json.error;
    expect([there.status, first]).toEqual([nowhere.status, second]);
    const root = await login('root');
    expect((await send('GET', '/auth/tokens?user=ada', root)).json.tokens).toHaveLength(1);
    expect((await send('POST', '/auth/tokens', root, { name: 'x', user: 'ada' })).json).toMatchObject({ user: 'ada' });
    expect((await send('DELETE', `/auth/tokens/${id}`, root)).status).toBe(200);
  });

  test('a narrow token that ends makes neither a wide one nor one that stays', async () => {
    const { send, login } = await serveIdentity();
    const narrow = { name: 'narrow', scopes: ['read'], expires_in_seconds: 60 };
    const { token, expires_at } = (await send('POST', '/auth/tokens', await login('ada'), narrow)).json;
    expect((await send('POST', '/auth/tokens', token, { name: 'x' })).json).toMatchObject({
      scopes: ['read'],
      expires_at,
    });
    for (const body of [
      { name: 'x', scopes: ['publish'] },
      { name: 'x', expires_in_seconds: 600 },
    ])
      expect((await send('POST', '/auth/tokens', token, body)).status).toBe(400);
  });

  test('an administrator with a narrowed token is none', async () => {
    const { send, login } = await serveIdentity();
    const { token } = (await send('POST', '/auth/tokens', await login('root'), { name: 'r', scopes: ['read'] })).json;
    expect((await send('GET', '/auth/users', token)).status).toBe(403);
    expect((await send('GET', '/auth/me', token)).json.admin).toBe(false);
  });
});

describe('POST /auth/login', () => {
  test('is limited, says until when, and does not tell who exists', async () => {
    const { send } = await serveIdentity();
    for (const username of ['ada', 'nobody']) {
      const answers = [];
      for (let i = 0; i < 12; i++)
        answers.push(await send('POST', '/auth/login', null, { username, password: 'wrong password' }));
      expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429, 429]);
      const last = answers.at(-1)!;
      expect(last.json.error.code).toBe('RATE_LIMITED');
      expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(800);
      expect(Number(last.headers.get('retry-after'))).toBeLessThanOrEqual(900);
    }
  });
});

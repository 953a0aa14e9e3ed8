import { describe, expect, test } from 'vitest';
import { basic, PASSWORD, serveIdentity } from './auth-fixture.ts';

const NEW = { username: 'carl', password: 'a long password', scopes: ['read'] };

describe('/auth/users', () => {
  test.each([
    ['GET', '/auth/users', undefined],
    ['POST', '/auth/users', NEW],
    ['GET', '/auth/users/ada', undefined],
    ['GET', '/auth/users/nobody', undefined],
    ['PATCH', '/auth/users/ada', { scopes: ['admin'] }],
  ])('%s %s is for administrators', async (method, path, body) => {
    const { send, login, identity } = await serveIdentity();
    expect((await send(method, path, null, body)).status).toBe(401);
    const { status, json } = await send(method, path, await login('ada'), body);
    expect([status, json.error.code]).toEqual([403, 'FORBIDDEN']);
    expect(await identity.getUser('carl')).toBeNull();
    expect(await identity.getUser('ada')).toMatchObject({ scopes: ['read', 'publish'] });
  });

  test('makes users, who can then do what they may', async () => {
    const { send, login } = await serveIdentity();
    const root = await login('root');
    const { status, json } = await send('POST', '/auth/users', root, { ...NEW, roles: ['author'], org: 'acme' });
    expect(status).toBe(201);
    expect(json).toEqual({
      username: 'carl',
      scopes: ['read'],
      roles: ['author'],
      org: 'acme',
      disabled: false,
      created_at: expect.stringMatching(/^\d{4}-/),
    });
    expect((await send('GET', '/auth/me', basic('carl', NEW.password))).json).toMatchObject({ roles: ['author'] });
    const again = await send('POST', '/auth/users', root, NEW);
    expect([again.status, again.json.error.code]).toEqual([409, 'ALREADY_EXISTS']);
    const robot = await send('POST', '/auth/users', root, { username: 'robot', scopes: [] });
    expect(robot.status).toBe(201);
  });

  test.each([
    [{ ...NEW, password: 'short' }],
    [{ ...NEW, username: 'carl', password: 'carl' }],
    [{ ...NEW, username: '../etc' }],
    [{ ...NEW, username: 'token' }],
    [{ ...NEW, scopes: ['reed'] }],
    [{ ...NEW, scopes: undefined }],
    [{ ...NEW, disabled: true }],
    [{ ...NEW, roles: 'author' }],
  ])('%j makes nobody, and the password is not repeated', async (body) => {
    const { send, login } = await serveIdentity();
    const { status, json, text } = await send('POST', '/auth/users', await login('root'), body);
    expect([status, json.error.code]).toEqual([400, 'VALUE_INVALID']);
    expect(text).not.toContain(NEW.password);
  });

  test('lists them page by page', async () => {
    const { send, login } = await serveIdentity();
    const root = await login('root');
    const first = (await send('GET', '/auth/users?limit=2', root)).json;
    expect([first.users.map((user: { username: string }) => user.username), first.next]).toEqual([
      ['ada', 'bob'],
      'bob',
    ]);
    const second = (await send('GET', `/auth/users?limit=2&after=${first.next}`, root)).json;
    expect([second.users.map((user: { username: string }) => user.username), second.next]).toEqual([['root'], null]);
    for (const limit of ['0', '-1', 'x', '1001', ''])
      expect((await send('GET', `/auth/users?limit=${limit}`, root)).json.error.code).toBe('QUERY_INVALID');
  });

  test('changes count at once', async () => {
    const { send, login } = await serveIdentity();
    const [root, ada] = [await login('root'), await login('ada')];
    const patch = async (body: object) => (await send('PATCH', '/auth/users/ADA', root, body)).json;
    const me = async (token = ada) => {
      const { status, json } = await send('GET', '/auth/me', token);
      return status === 200 ? json.scopes : status;
    };
    expect(await patch({ scopes: ['publish'], roles: ['author'] })).toMatchObject({
      scopes: ['publish'],
      roles: ['author'],
    });
    expect(await me()).toEqual(['publish']);
    expect(await patch({ disabled: true })).toMatchObject({ disabled: true });
    expect(await me()).toBe(401);
    await patch({ disabled: false });
    expect(await me()).toEqual(['publish']);
    await patch({ password: 'quite another one' });
    expect(await me()).toBe(401);
    expect(await me(basic('ada'))).toBe(401);
    expect(await me(basic('ada', 'quite another one'))).toEqual(['publish']);
  });

  test('changes are made together or not at all', async () => {
    const { send, login } = await serveIdentity();
    const root = await login('root');
    const { status } = await send('PATCH', '/auth/users/ada', root, { disabled: true, scopes: ['reed'] });
    expect(status).toBe(400);
    expect((await send('GET', '/auth/users/ada', root)).json).toMatchObject({ disabled: false });
    expect((await send('PATCH', '/auth/users/nobody', root, { disabled: true })).status).toBe(404);
    expect((await send('GET', '/auth/users/%2e%2e%2f', root)).status).toBe(404);
  });

  test('an administrator cannot shut itself out, but another can', async () => {
    const { send, login } = await serveIdentity();
    const root = await login('root');
    for (const body of [{ disabled: true }, { scopes: ['read'] }])
      expect((await send('PATCH', '/auth/users/root', root, body)).status).toBe(400);
    await send('PATCH', '/auth/users/ada', root, { scopes: ['admin'] });
    const ada = await login('ada', PASSWORD);
    expect((await send('PATCH', '/auth/users/root', ada, { disabled: true })).json).toMatchObject({ disabled: true });
    expect((await send('GET', '/auth/users', root)).status).toBe(401);
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_PASSWORD } from '../support/registry.ts';
import { BLOB, type RunningRegistry, runRegistry } from './running-registry.ts';

const SECRET = 'a-secret-of-the-upstream';

let running: RunningRegistry;

beforeAll(async () => {
  const auth = { mode: 'bearer_token', token_env: 'ORIGIN_TOKEN' };
  // The first start is told no password.
  running = await runRegistry(
    { upstreams: { origin: { auth } } },
    { ENTREPOT_ADMIN_PASSWORD: '', ORIGIN_TOKEN: SECRET },
  );
  password = /password (\S+) \(shown only this once\)/.exec(running.server.output().stdout)?.[1] ?? '';
});

afterAll(() => running?.remove());

/** As the first start printed it. */
let password = '';

function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

interface Reply {
  readonly status: number;
  readonly code: string | null;
  readonly challenges: string | null;
}

async function send(method: string, path: string, authorization?: string, body?: string): Promise<Reply> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await fetch(running.server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const code = response.status < 400 ? null : String(JSON.parse(text).error.code);
  return { status: response.status, code, challenges: response.headers.get('www-authenticate') };
}

let patch = 0;
/** Publishes a version that was not there before. */
function publish(authorization?: string): Promise<Reply> {
  return send('PUT', `/v1/acme/tool/1.0.${patch++}/any/blob`, authorization, 'content');
}

async function login(username: string, secret: string): Promise<{ readonly status: number; readonly token: string }> {
  const body = JSON.stringify({ username, password: secret });
  const response = await fetch(`${running.server.url}/auth/login`, { method: 'POST', body });
  const text = await response.text();
  return { status: response.status, token: response.ok ? JSON.parse(text).token : '' };
}

test('the first start makes admin, whose password opens everything', async () => {
  expect(password).toMatch(/^\S{16,}$/);
  expect(await publish(basic('admin', password))).toMatchObject({ status: 201 });
  expect(await publish(basic('ADMIN', password))).toMatchObject({ status: 201 });
  for (const guess of ['admin', 'password', '', ADMIN_PASSWORD, `${password}x`]) {
    expect((await login('admin', guess)).status, guess).toBe(401);
    expect(await publish(basic('admin', guess)), guess).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' });
  }
});

test('a login gives a token, which works as Bearer and as the password of its owner', async () => {
  const { status, token } = await login('admin', password);
  expect(status).toBe(200);
  const ways = [
    `Bearer ${token}`,
    `bearer ${token}`,
    basic('admin', token),
    basic('token', token),
    basic('__token__', token),
  ];
  for (const way of ways) expect(await publish(way), way).toMatchObject({ status: 201 });
  const others = [
    basic('somebody', token),
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    basic('admin', `${token}x`),
  ];
  for (const way of others) expect(await publish(way), way).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' });
});

test('anonymous reads and does not write; a bad credential is refused even for reading', async () => {
  expect(await send('GET', BLOB)).toMatchObject({ status: 200 });
  const refused = await publish();
  expect(refused).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
  expect(refused.challenges).toMatch(/^Bearer realm="http:.*", Basic realm="registry"$/);
  expect(await send('GET', BLOB, basic('admin', 'wrong password'))).toMatchObject({ status: 401 });
});

test('a token may what its scopes say, from the moment it is made until it is revoked', async () => {
  // The CLI's verbs and other processes do the same: they write what the server reads.
  const beside = await running.open();
  try {
    await beside.identity.createUser({ username: 'reader', password: ADMIN_PASSWORD, scopes: ['read'] });
    const reader = await beside.identity.createToken({ user: 'reader', name: 'r', scopes: null, expiresAt: null });
    const limited = await beside.identity.createToken({ user: 'admin', name: 'l', scopes: ['read'], expiresAt: null });
    for (const way of [`Bearer ${reader.token}`, basic('reader', ADMIN_PASSWORD), `Bearer ${limited.token}`]) {
      expect(await send('GET', BLOB, way)).toMatchObject({ status: 200 });
      expect(await publish(way)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
      expect(await send('DELETE', BLOB, way)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    }
    const writer = await beside.identity.createToken({ user: 'admin', name: 'w', scopes: ['write'], expiresAt: null });
    expect(await publish(`Bearer ${writer.token}`)).toMatchObject({ status: 201 });
    expect(await beside.identity.revokeToken(writer.id)).toBe(true);
    expect(await publish(`Bearer ${writer.token}`)).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' });
    await beside.identity.disableUser('reader');
    expect(await send('GET', BLOB, `Bearer ${reader.token}`)).toMatchObject({ status: 401 });
  } finally {
    await beside.close();
  }
});

test('system routes answer anybody and tell no secret', async () => {
  const health = await fetch(`${running.server.url}/health`);
  expect(await health.json()).toEqual({ ok: true, version: expect.any(String) });
  const ready = await fetch(`${running.server.url}/ready`);
  expect(await ready.json()).toMatchObject({ ok: true, parts: { meta: { ok: true }, primary: { ok: true } } });
  const schema = await (await fetch(`${running.server.url}/schema`)).text();
  expect(JSON.parse(schema)).toMatchObject({ upstreams: { origin: { auth: { token_env: 'ORIGIN_TOKEN' } } } });
  for (const secret of [SECRET, password, running.data]) expect(schema).not.toContain(secret);
});

test('users and tokens outlive the server, and the password is not made anew', async () => {
  const { token } = await login('admin', password);
  const server = await running.restart();
  expect(server.output().stdout).not.toContain('password');
  expect(await publish(`Bearer ${token}`)).toMatchObject({ status: 201 });
  expect(await publish(basic('admin', password))).toMatchObject({ status: 201 });
  expect(await send('GET', BLOB)).toMatchObject({ status: 200 });
  expect(server.output().stderr).toBe('');
});

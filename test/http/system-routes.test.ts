import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { Session } from '../../src/identity/identity.ts';
import { openRawConnection, request } from '../support/raw-request.ts';
import { respond, serve } from './fake-registry.ts';

const handle = () => respond('of the registry');

describe('GET /health', () => {
  test('says that the process lives, whatever the stores do', async () => {
    const server = await serve(handle, { health: () => Promise.reject(new Error('down')) });
    const response = await fetch(`${server.url}/health?x`);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.json()).toEqual({ ok: true, version: '9.9.9' });
  });

  test('answers HEAD, and other methods with what it allows', async () => {
    const server = await serve(handle);
    expect((await fetch(`${server.url}/health`, { method: 'HEAD' })).status).toBe(200);
    const response = await fetch(`${server.url}/health`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(await response.json()).toMatchObject({ error: { code: 'METHOD_NOT_ALLOWED' } });
  });

  test('takes no path but its own', async () => {
    const server = await serve(handle);
    const paths = ['/health/', '/healthy', '/%68ealth', '//health', '/a/health', '/v1?/health', '/auth/tokens/'];
    for (const path of [...paths, '/auth/tokens/a/b', '/auth/tokens/?a', '/auth', '/auth/:id', '/auth/tokens:id']) {
      expect(await (await fetch(server.url + path)).text()).toBe('of the registry');
    }
  });

  test('takes its own whatever the query is', async () => {
    const server = await serve(handle);
    for (const path of ['/health?a/b', '/auth/me?', '/auth/tokens/a?b', '/auth/tokens/%2F', '/auth/users/a.b']) {
      expect(await (await fetch(server.url + path)).text()).not.toBe('of the registry');
    }
  });

  test('needs a proper request too', async () => {
    const server = await serve(handle);
    const answer = await request(server.port, 'GET /health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n');
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString()).error.code).toBe('BAD_REQUEST');
  });
});

describe('GET /ready', () => {
  test('tells each part and keeps reasons to the log', async () => {
    const parts = { records: { ok: true, latencyMs: 1 }, blobs: { ok: false, latencyMs: 2, reason: 'EIO /var/x' } };
    const server = await serve(handle, { health: () => Promise.resolve({ ok: false, parts }) });
    const response = await fetch(`${server.url}/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ok: false,
      parts: { records: { ok: true, latency_ms: 1 }, blobs: { ok: false, latency_ms: 2 } },
    });
    expect(JSON.stringify(server.log)).toContain('EIO /var/x');
  });

  test('is 200 when all is well', async () => {
    const server = await serve(handle);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });
});

test('GET /schema shows the merged definition', async () => {
  const raw = { type_id: 'a.b', env: ['SECRET'] };
  const server = await serve(handle, { definition: { raw } });
  const response = await fetch(`${server.url}/schema`);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual(raw);
});

describe('POST /auth/login', () => {
  const session: Session = {
    token: 'ept_x',
    user: {
      username: 'ann',
      scopes: ['read'],
      roles: [],
      org: null,
      disabled: false,
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    expiresAt: '2026-01-02T00:00:00.000Z',
  };
  const identity = {
    login: (username: string, password: string) =>
      password === 'right' && username === 'ann'
        ? Promise.resolve(session)
        : Promise.reject(new RegistryError('INVALID_CREDENTIALS')),
  };
  const login = async (body: RequestInit['body']) => {
    const server = await serve(handle, { identity });
    return fetch(`${server.url}/auth/login`, { method: 'POST', body, duplex: 'half' } as RequestInit);
  };

  test('gives a token, not to be kept by caches', async () => {
    const response = await login('{"username":"ann","password":"right"}');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      ok: true,
      token: 'ept_x',
      user: {
        username: 'ann',
        scopes: ['read'],
        roles: [],
        org: null,
        disabled: false,
        created_at: '2026-01-01T00:00:00.000Z',
      },
      expires_at: session.expiresAt,
    });
  });

  test('refuses wrong credentials', async () => {
    const response = await login('{"username":"ann","password":"wrong"}');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ error: { code: 'INVALID_CREDENTIALS' } });
  });

  test.each([
    ['null', 400, 'VALUE_INVALID'],
    ['[]', 400, 'VALUE_INVALID'],
    ['"ann"', 400, 'VALUE_INVALID'],
    ['{"username":"ann"}', 400, 'VALUE_INVALID'],
    ['{"username":"ann","password":5}', 400, 'VALUE_INVALID'],
    ['{"username":["ann"],"password":"right"}', 400, 'VALUE_INVALID'],
    ['{"__proto__":{"username":"ann","password":"right"}}', 400, 'VALUE_INVALID'],
    ['{"username":', 400, 'JSON_INVALID'],
    ['', 400, 'JSON_INVALID'],
    [Buffer.from([0x22, 0xff, 0x22]), 400, 'JSON_INVALID'],
    [' '.repeat(70_000), 413, 'BODY_TOO_LARGE'],
    [new Blob([' '.repeat(70_000)]).stream(), 413, 'BODY_TOO_LARGE'],
  ])('refuses %j with %i %s', async (body, status, code) => {
    const response = await login(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  test('keeps what went wrong inside to itself', async () => {
    const server = await serve(handle, { identity: { login: () => Promise.reject(new Error('argon2 exploded')) } });
    const response = await fetch(`${server.url}/auth/login`, {
      method: 'POST',
      body: '{"username":"ann","password":"right"}',
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('argon2');
    expect(server.log.some(({ level }) => level === 'error')).toBe(true);
  });
});

test('what asks for a body and gets none refuses that, and the connection goes on', async () => {
  const server = await serve(handle);
  const connection = await openRawConnection(server.port);
  const answered = (bytes: Buffer) => bytes.toString('latin1').match(/JSON_INVALID|of the registry/g)?.length ?? 0;
  const paths = ['/auth/login', '/auth/login', '/v1/a'];
  for (const [index, path] of paths.entries()) {
    connection.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await connection.received((bytes) => answered(bytes) > index);
  }
  const answers = await connection.received(() => true);
  connection.close();
  expect(answers.toString('latin1').match(/HTTP\/1.1 \d+|JSON_INVALID|of the registry/g)).toEqual([
    'HTTP/1.1 400',
    'JSON_INVALID',
    'HTTP/1.1 400',
    'JSON_INVALID',
    'HTTP/1.1 200',
    'of the registry',
  ]);
});

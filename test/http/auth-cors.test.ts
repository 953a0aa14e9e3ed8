import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { CorsSettings } from '../../src/http/cors.ts';
import { respond, serve } from './fake-registry.ts';

const ORIGIN = 'https://ui.example.org';
const CORS: CorsSettings = {
  origins: [ORIGIN, 'http://localhost:5173'],
  methods: ['GET', 'PUT'],
  headers: ['Authorization', 'Content-Type'],
  exposeHeaders: ['ETag'],
  maxAgeSeconds: 600,
};
const PREFLIGHT = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' };

async function serveWith(cors: CorsSettings | null) {
  let handled = 0;
  const server = await serve(
    ({ target }) => {
      handled++;
      if (target === '/broken') throw new RegistryError('NOT_FOUND');
      return respond('of the registry', { headers: [['Vary', 'Accept']] });
    },
    { definition: { http: { cors } } },
  );
  const ask = async (path: string, origin: string | null, method = 'GET', headers: Record<string, string> = {}) => {
    const response = await fetch(server.url + path, {
      method,
      headers: origin === null ? headers : { ...headers, origin },
    });
    await response.arrayBuffer();
    return response;
  };
  return { ask, handled: () => handled };
}

const granted = ({ headers }: Response) =>
  [...headers]
    .filter(([name]) => name.startsWith('access-control-'))
    .map(([name]) => name.slice('access-control-'.length));

describe('cross-origin requests', () => {
  test.each(['/v1/thing', '/health', '/broken', '/auth/me'])('%s: let in where the origin is listed', async (path) => {
    const { ask } = await serveWith(CORS);
    const mine = await ask(path, ORIGIN);
    expect(mine.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(mine.headers.get('access-control-expose-headers')).toBe('ETag');
    expect(mine.headers.get('access-control-allow-credentials')).toBeNull();
    expect(mine.headers.get('vary')).toContain('Origin');
    for (const origin of [
      null,
      'https://evil.example',
      `${ORIGIN}.evil.example`,
      'null',
      ORIGIN.replace('https', 'http'),
    ]) {
      const other = await ask(path, origin);
      expect(granted(other)).toEqual([]);
      expect(other.headers.get('vary')).toContain('Origin');
    }
  });

  test('what the registry says beside it stays', async () => {
    const { ask } = await serveWith(CORS);
    expect((await ask('/v1/thing', ORIGIN)).headers.get('vary')).toBe('Accept, Origin');
  });

  test('a preflight is answered without the registry', async () => {
    const { ask, handled } = await serveWith(CORS);
    for (const path of ['/v1/thing', '/auth/tokens']) {
      const response = await ask(path, ORIGIN, 'OPTIONS', PREFLIGHT);
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, PUT');
      expect(response.headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type');
      expect(response.headers.get('access-control-max-age')).toBe('600');
      const other = await ask(path, 'https://evil.example', 'OPTIONS', PREFLIGHT);
      expect(other.status).toBe(204);
      expect(granted(other)).toEqual([]);
    }
    expect(handled()).toBe(0);
    await ask('/v1/thing', ORIGIN, 'OPTIONS');
    expect(handled()).toBe(1);
  });

  test('any origin, where the definition says so', async () => {
    const { ask } = await serveWith({ ...CORS, origins: ['*'] });
    const response = await ask('/v1/thing', 'https://anywhere.example');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('vary')).toBe('Accept');
  });

  test('none, where it says nothing: a preflight is a request like any other', async () => {
    const { ask, handled } = await serveWith(null);
    for (const path of ['/v1/thing', '/health']) {
      const response = await ask(path, ORIGIN);
      expect(granted(response)).toEqual([]);
      expect(response.headers.get('vary') ?? '').not.toContain('Origin');
    }
    await ask('/v1/thing', ORIGIN, 'OPTIONS', PREFLIGHT);
    expect(handled()).toBe(2);
  });
});

test.each([
  ['GET', '/health', 200],
  ['GET', '/ready', 200],
  ['GET', '/schema', 200],
  ['GET', '/auth/me', 401],
  ['POST', '/auth/login', 400],
  ['DELETE', '/health', 405],
])('%s %s (%i) carries the security headers', async (method, path, status) => {
  const server = await serve(() => respond(''));
  const response = await fetch(server.url + path, { method });
  expect(response.status).toBe(status);
  const { headers } = response;
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  expect(headers.get('cache-control')).toBe(path.startsWith('/auth/') ? 'no-store' : null);
});

import { Hono } from 'hono';
import { fail, RegistryError, toRegistryError } from '../errors/registry-error.ts';
import { problemResponse, type ServerLog } from './problem.ts';
import type { ServedRegistry } from './served-registry.ts';

const MAX_LOGIN_BYTES = 64 * 1024;
const SECURE = { 'X-Content-Type-Options': 'nosniff' };

export interface SystemOptions {
  readonly registry: ServedRegistry;
  readonly log: ServerLog;
  /** Of this program. */
  readonly version: string;
}

/**
 * The routes that every registry has, whatever its definition says; they come before its own:
 * `GET /health` (the process lives), `GET /ready` (its stores answer), `GET /schema` (the merged definition),
 * `POST /auth/login` (`{username, password}` -> `{ok, token, user, expires_at}`).
 */
export function systemRoutes({ registry, log, version }: SystemOptions): Hono {
  const app = new Hono();
  let schema: string | null = null;

  app.get('/health', (c) => c.json({ ok: true, version }, 200, SECURE));

  app.get('/ready', async (c) => {
    const { ok, parts } = await registry.health();
    // Reasons name addresses and files: they are for the log, not for whoever asks.
    if (!ok) log.warn({ parts }, 'Not ready');
    const shown = Object.entries(parts).map(([name, part]) => [name, { ok: part.ok, latency_ms: part.latencyMs }]);
    return c.json({ ok, parts: Object.fromEntries(shown) }, ok ? 200 : 503, SECURE);
  });

  app.get('/schema', (c) => {
    schema ??= JSON.stringify(registry.definition.raw);
    return c.body(schema, 200, { ...SECURE, 'Content-Type': 'application/json' });
  });

  app.post('/auth/login', async (c) => {
    const { username, password } = credentialsOf(await readJson(c.req.raw.body, MAX_LOGIN_BYTES));
    const { token, user, expiresAt } = await registry.identity.login(username, password);
    return c.json({ ok: true, token, user, expires_at: expiresAt }, 200, { ...SECURE, 'Cache-Control': 'no-store' });
  });

  app.notFound((c) => {
    const allow = app.routes.filter((route) => route.path === c.req.path).map((route) => route.method);
    if (allow.includes('GET')) allow.push('HEAD');
    return problemPage(new RegistryError('METHOD_NOT_ALLOWED', { headers: { Allow: allow.join(', ') } }), log);
  });

  app.onError((error) => problemPage(error, log));
  return app;
}

/** An error as a web response, for what Hono and its adapter answer. */
export function problemPage(error: unknown, log: ServerLog): Response {
  const { status, headers, body } = problemResponse(error, log);
  return new Response(String(body), { status, headers: { ...Object.fromEntries(headers), ...SECURE } });
}

function credentialsOf(value: unknown): { readonly username: string; readonly password: string } {
  if (typeof value !== 'object' || value === null || !('username' in value) || !('password' in value)) {
    fail('VALUE_INVALID', 'The body is an object with username and password');
  }
  const { username, password } = value;
  if (typeof username !== 'string' || typeof password !== 'string') {
    fail('VALUE_INVALID', 'username and password are texts');
  }
  return { username, password };
}

async function readJson(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) fail('BODY_TOO_LARGE');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw toRegistryError(cause, 'BODY_TRUNCATED');
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    fail('JSON_INVALID');
  }
}

import { Hono } from 'hono';
import { RegistryError } from '../errors/registry-error.ts';
import { addAuthRoutes } from './auth-routes.ts';
import type { ClientAddress } from './client-address.ts';
import type { Cors } from './cors.ts';
import { addInsideRoutes, type Inside } from './inside-routes.ts';
import { perDefinition } from './per-definition.ts';
import { problemResponse, type ServerLog } from './problem.ts';
import { SECURITY_HEADERS, secure } from './security-headers.ts';
import type { ServedRegistry } from './served-registry.ts';
import type { SystemApp, SystemContext } from './system-context.ts';
import { addUserRoutes } from './user-routes.ts';

export interface SystemOptions {
  readonly registry: ServedRegistry;
  readonly log: ServerLog;
  /** Of this program. */
  readonly version: string;
  readonly clientAddress: ClientAddress;
  /** As the definition says at the time. */
  readonly cors: () => Cors | null;
  /** Null: what is inside is not shown. */
  readonly inside: Inside | null;
}

export interface SystemRoutes {
  readonly app: SystemApp;
  /** Whether a target, as it stands in the request line, is one of these routes and not the registry's own. */
  takes(target: string): boolean;
}

/**
 * The routes that every registry has, whatever its definition says; they come before its own:
 * `GET /health` (the process lives), `GET /ready` (its stores answer), `GET /schema` (the merged definition), `/auth/...` (see
 * `addAuthRoutes`), `/auth/users...` (see `addUserRoutes`), and what `addInsideRoutes` shows.
 */
export function systemRoutes({ registry, log, version, clientAddress, cors, inside }: SystemOptions): SystemRoutes {
  const app: SystemApp = new Hono();
  const schema = perDefinition(registry, ({ raw }) => JSON.stringify(raw));

  app.use(async (c, next) => {
    c.set('address', clientAddress(c.env.incoming));
    await next();
    const { headers } = c.res;
    secure(headers);
    if (c.req.path.startsWith('/auth/')) headers.set('Cache-Control', 'no-store');
    for (const [name, value] of cors()?.headersFor(c.req.header('origin')) ?? []) headers.append(name, value);
  });

  app.get('/health', (c) => c.json({ ok: true, version }));

  app.get('/ready', async (c) => {
    const { ok, parts } = await registry.health();
    // Reasons name addresses and files: they are for the log, not for whoever asks.
    if (!ok) log.warn({ parts }, 'Not ready');
    const shown = Object.entries(parts).map(([name, part]) => [name, { ok: part.ok, latency_ms: part.latencyMs }]);
    return c.json({ ok, parts: Object.fromEntries(shown) }, ok ? 200 : 503);
  });

  app.get('/schema', (c) => c.body(schema(), 200, { 'Content-Type': 'application/json' }));

  addAuthRoutes(app, registry);
  addUserRoutes(app, registry);
  if (inside !== null) addInsideRoutes(app, registry, inside);

  const routes = app.routes.filter(({ method }) => method !== 'ALL');
  app.notFound((c) => {
    const allow = routes.filter(({ path }) => fits(path, c.req.path)).map(({ method }) => method);
    if (allow.includes('GET')) allow.push('HEAD');
    return problemPage(new RegistryError('METHOD_NOT_ALLOWED', { headers: { Allow: allow.join(', ') } }), log, idOf(c));
  });

  app.onError((error, c) => problemPage(error, log, idOf(c)));
  // Every request is asked this: one expression of all paths costs less than to look a path up.
  const paths = [...new Set(routes.map(({ path }) => path))];
  const own = new RegExp(`^(?:${paths.map(expressionOf).join('|')})(?:\\?|$)`);
  return { app, takes: (target) => own.test(target) };
}

/** A path as a regular expression: a segment after a `:` stands for anything but nothing. */
function expressionOf(path: string): string {
  return path.replaceAll(/:[^/]+|[^\w/-]/g, (found) => (found.length > 1 ? '[^/?]+' : `\\${found}`));
}

/** An error as a web response, for what Hono and its adapter answer. */
export function problemPage(error: unknown, log: ServerLog, requestId?: string): Response {
  const { status, headers, body } = problemResponse(error, log, requestId);
  return new Response(String(body), { status, headers: { ...Object.fromEntries(headers), ...SECURITY_HEADERS } });
}

/** As the server has put it among the answer's headers. */
function idOf(c: SystemContext): string | undefined {
  const id = c.env.outgoing.getHeader('X-Request-Id');
  return typeof id === 'string' ? id : undefined;
}

/** Whether a path has the form of a pattern: as many segments, those after a `:` being anything but empty. */
function fits(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => (segment.startsWith(':') ? given[index] !== '' : segment === given[index]))
  );
}

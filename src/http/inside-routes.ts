import { createHash, timingSafeEqual } from 'node:crypto';
import { fail } from '../errors/registry-error.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { parseJsonText } from '../shared/parse-json.ts';
import type { MeasuredRegistry, Metrics } from './metrics.ts';
import type { ServedRegistry } from './served-registry.ts';
import { requireAdmin, type SystemApp, type SystemContext } from './system-context.ts';

/** An event of the log. */
export interface LoggedEvent {
  readonly position: number;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  /** ISO 8601. */
  readonly at: string;
  /** JSON text. */
  readonly payload: string;
}

/** What can be seen of a registry from outside: by everybody its description, by administrators the rest. */
export interface Inside extends MeasuredRegistry {
  /** An OpenAPI 3.1 document. */
  openApi(): object;
  routes(): readonly { readonly id: string; readonly paths: readonly string[] }[];
  /** What it runs with; no secret in it. */
  config(): object;
  /** Of a record store (null: the first), after a position. Fails with NOT_FOUND. */
  events(store: string | null, after: number, limit: number): MaybePromise<readonly LoggedEvent[]>;
  readonly metrics: Metrics;
  /** Reads `/metrics` and nothing else; null: only administrators do. */
  readonly metricsToken: string | null;
}

const PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/**
 * - `GET /openapi.json`
 * - `GET /metrics`: for administrators, or with the metrics token
 * - `GET /v1/events?after=&limit=&store=` -> `{events, next}`: the log in the order of commits, after a position. `next` is where to go on
 *   from, also when there is nothing yet
 * - `GET /admin/routes` -> `{routes}`
 * - `GET /admin/config`
 *
 * All but the first are for administrators.
 */
export function addInsideRoutes(app: SystemApp, registry: ServedRegistry, inside: Inside): void {
  app.get('/openapi.json', (c) => c.json(inside.openApi()));

  app.get('/metrics', async (c) => {
    if (!bearsToken(c, inside.metricsToken)) await requireAdmin(c, registry);
    return c.body(await inside.metrics.render(inside), 200, { 'Content-Type': inside.metrics.contentType });
  });

  app.get('/v1/events', async (c) => {
    await requireAdmin(c, registry);
    const after = wholeNumber(c, 'after', 0, Number.MAX_SAFE_INTEGER, 0);
    const limit = wholeNumber(c, 'limit', 1, MAX_PAGE_SIZE, PAGE_SIZE);
    const events = await inside.events(c.req.query('store') ?? null, after, limit);
    const shown = events.map(({ position, version, id, type, at, payload }) => {
      const parsed: unknown = parseJsonText(payload);
      return { position, version, id, type, at, payload: parsed };
    });
    return c.json({ events: shown, next: events.at(-1)?.position ?? after });
  });

  app.get('/admin/routes', async (c) => {
    await requireAdmin(c, registry);
    return c.json({ routes: inside.routes() });
  });

  app.get('/admin/config', async (c) => {
    await requireAdmin(c, registry);
    return c.json(inside.config());
  });
}

function bearsToken(c: SystemContext, token: string | null): boolean {
  const [, given] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  if (token === null || given === undefined) return false;
  // Of equal length whatever was given, so that the time tells nothing.
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function wholeNumber(c: SystemContext, name: string, least: number, most: number, absent: number): number {
  const text = c.req.query(name);
  if (text === undefined) return absent;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) fail('QUERY_INVALID', `${name} is a whole number from ${least} to ${most}`);
  return value;
}

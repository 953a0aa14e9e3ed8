import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Inside } from '../../src/http/inside-routes.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createRequestLog } from '../../src/http/request-log.ts';
import { type RunningServer, startServer } from '../../src/http/server.ts';
import { insideOf } from '../../src/inside.ts';
import { openRegistry, type Registry, vocabulary } from '../../src/main.ts';
import { ROOT } from '../house/source-files.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
const TOKEN = 'metrics-token-of-this-test';
const ENV = { ENTREPOT_ORIGIN_URL: 'https://hunter2hunter2.example.org' };
const lines: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[] = [];
let infoIsOn = true;
let slowMs = 60_000;
let registry: Registry;
let server: RunningServer;
let inside: Inside;
let writer: Readonly<Record<string, string>>;

beforeAll(async () => {
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message });
  };
  const log = { info: write('info'), warn: write('warn'), error: write('error'), isLevelEnabled: () => infoIsOn };
  const metrics = createMetrics();
  const onServed: typeof metrics.onServed = (served) => {
    metrics.onServed(served);
    createRequestLog(log, slowMs)(served);
  };
  const opened = await openRegistry({
    registry: ROOT,
    data: join(folder.path, 'data'),
    memory: true,
    adminPassword: ADMIN_PASSWORD,
    env: ENV,
    log,
    watch: metrics.watch,
    onServed,
  });
  if (!opened.ok) throw new Error('The default registry has errors');
  registry = opened.registry;
  await registry.identity.createUser({ username: 'ann', password: null, scopes: ['read', 'write'] });
  const { token } = await registry.identity.createToken({ user: 'ann', name: 'test', scopes: null, expiresAt: null });
  writer = { authorization: `Bearer ${token}` };
  inside = insideOf({
    registry,
    vocabulary: await vocabulary(),
    metrics,
    metricsToken: TOKEN,
    env: ENV,
    program: { version: '9.9.9' },
  });
  server = await startServer({
    registry,
    host: '127.0.0.1',
    port: 0,
    baseUrl: null,
    version: '9.9.9',
    log,
    inside,
    onServed,
  });
});
afterAll(async () => {
  await server.close(0);
  await registry.close();
  folder.remove();
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}) => fetch(server.url + path, { headers });
const publish = (name: string, headers: Readonly<Record<string, string>> = writer) =>
  fetch(`${server.url}/v1/acme/${name}/1.0.0/any/blob`, { method: 'PUT', headers, body: 'bytes' });

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
const jsonOf = async (path: string): Promise<any> => (await get(path, ADMIN)).json();

/** The value of one series; undefined where there is none. */
async function figure(series: string): Promise<number | undefined> {
  const text = await (await get('/metrics', { authorization: `Bearer ${TOKEN}` })).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('what is inside', () => {
  test.each(['/metrics', '/v1/events', '/admin/config', '/admin/routes'])('%s is for administrators', async (path) => {
    expect((await get(path)).status).toBe(401);
    expect((await get(path, writer)).status).toBe(403);
    expect((await get(path, { authorization: 'Bearer nonsense' })).status).toBe(401);
    expect((await get(path, ADMIN)).status).toBe(200);
  });

  test('the metrics token reads figures and nothing else', async () => {
    const authorization = `Bearer ${TOKEN}`;
    expect((await get('/metrics', { authorization })).headers.get('content-type')).toMatch(
      /^text\/plain; version=0\.0\.4/,
    );
    expect((await get('/v1/events', { authorization })).status).toBe(401);
    expect((await get('/metrics', { authorization: `${authorization}x` })).status).toBe(401);
  });

  test('the settings hold no value of a variable', async () => {
    const text = await (await get('/admin/config', ADMIN)).text();
    expect(JSON.parse(text)).toMatchObject({
      type_id: 'entrepot.registry',
      env: { ENTREPOT_ORIGIN_URL: 'set' },
      program: { version: '9.9.9' },
    });
    expect(text).not.toContain('hunter2');
  });

  test('everybody gets the OpenAPI document; administrators the routes', async () => {
    expect(await (await get('/openapi.json')).json()).toMatchObject({
      openapi: '3.1.0',
      paths: { '/v1/packages': {} },
    });
    const { routes } = await jsonOf('/admin/routes');
    expect(routes.map(({ id }: { id: string }) => id)).toContain('publish_artifact');
  });
});

test('a route at a path that every registry has is told of when the server starts', async () => {
  const log = { warn: (fields: object) => void warned.push(fields), error: () => {} };
  const warned: object[] = [];
  const routes = () => [{ id: 'mine', paths: ['/v1/events', '/v1/{x}', '/elsewhere'] }];
  const more = { host: '127.0.0.1', port: 0, baseUrl: null, version: '9.9.9', log };
  const second = await startServer({ registry, ...more, inside: { ...inside, routes } });
  await second.close(0);
  expect(warned).toEqual([{ route: 'mine', path: '/v1/events' }]);
});

describe('GET /v1/events', () => {
  test('gives the log in pages, in the order of commits, and where to go on', async () => {
    for (const name of ['one', 'two', 'three']) expect((await publish(name)).status).toBe(201);
    const first = await jsonOf('/v1/events?limit=2');
    expect(first.events.map((event: { payload: { name: string } }) => event.payload.name)).toEqual(['one', 'two']);
    expect(first.events[0]).toMatchObject({ type: 'packages.published', payload: { by: 'ann' } });
    const rest = await jsonOf(`/v1/events?after=${first.next}&store=meta`);
    expect(rest.events.map((event: { payload: { name: string } }) => event.payload.name)).toEqual(['three']);
    expect(await jsonOf(`/v1/events?after=${rest.next}`)).toEqual({ events: [], next: rest.next });
  });

  test.each([['limit=0'], ['limit=1001'], ['limit=x'], ['after=-1'], ['after=1.5'], ['limit=']])(
    'refuses %s',
    async (query) => {
      const response = await get(`/v1/events?${query}`, ADMIN);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'QUERY_INVALID' } });
    },
  );

  test('knows only stores that there are', async () => {
    expect((await get('/v1/events?store=constructor', ADMIN)).status).toBe(404);
  });
});

describe('GET /metrics', () => {
  test('counts requests, latencies, errors, steps and calls of stores', async () => {
    const before = (await figure('entrepot_requests_total{route="publish_artifact",method="PUT",status="201"}')) ?? 0;
    const steps = (await figure('entrepot_step_runs_total{op="blob.put",label=""}')) ?? 0;
    await publish('counted');
    await publish('counted');
    await get('/nowhere');
    expect(await figure('entrepot_requests_total{route="publish_artifact",method="PUT",status="201"}')).toBe(
      before + 1,
    );
    expect(await figure('entrepot_requests_total{route="publish_artifact",method="PUT",status="409"}')).toBe(1);
    expect(await figure('entrepot_requests_total{route="",method="GET",status="404"}')).toBeGreaterThanOrEqual(1);
    expect(
      await figure('entrepot_errors_total{code="ALREADY_EXISTS",route="publish_artifact",step="respond.error (12)"}'),
    ).toBe(1);
    expect(await figure('entrepot_step_runs_total{op="blob.put",label=""}')).toBe(steps + 1);
    expect(await figure('entrepot_step_timed_total{op="blob.put",label=""}')).toBeGreaterThanOrEqual(1);
    expect(await figure('entrepot_part_calls_total{kind="blob_store",name="primary",method="put"}')).toBe(steps + 1);
    expect(await figure('entrepot_part_calls_total{kind="record_store",name="meta",method="commit"}')).toBeGreaterThan(
      steps,
    );
    expect(await figure('entrepot_part_failures_total{kind="record_store",name="meta",method="commit"}')).toBe(0);
    expect(await figure('entrepot_cache_misses_total{name="memory"}')).toBeGreaterThanOrEqual(0);
    expect(await figure('entrepot_commit_retries_total')).toBe(0);
    const count = await figure('entrepot_request_duration_seconds_count{route="publish_artifact"}');
    expect(await figure('entrepot_request_duration_seconds_bucket{route="publish_artifact",le="+Inf"}')).toBe(count);
    expect(await figure('process_cpu_seconds_total')).toBeGreaterThan(0);
  });
});

describe('request ids', () => {
  test('of clients are taken over, echoed and stand in errors and the log', async () => {
    for (const path of ['/v1/acme/none/1.0.0/any/blob', '/admin/config']) {
      const id = `mine.${path.length}`;
      const response = await get(path, { 'X-Request-Id': id });
      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await response.json()).toMatchObject({ error: { request_id: id } });
      expect(lines.filter(({ fields }) => fields.request_id === id)).toHaveLength(1);
    }
  });

  test.each([['two words'], ['<b>'], ['x'.repeat(129)]])('%s is not taken over', async (id) => {
    const response = await get('/v1/packages', { 'X-Request-Id': id });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f]{16}-[0-9a-z]+$/);
  });

  test('differ from request to request', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await get('/v1/packages')).headers.get('x-request-id')),
    );
    expect(new Set(ids).size).toBe(20);
  });
});

describe('the log', () => {
  const lineOf = (id: string) => lines.find(({ fields }) => fields.request_id === id);

  test('has a line for each request that names route, step and user, and no query', async () => {
    await publish('logged', { ...writer, 'X-Request-Id': 'log-1' });
    expect(lineOf('log-1')).toMatchObject({
      level: 'info',
      fields: {
        method: 'PUT',
        path: '/v1/acme/logged/1.0.0/any/blob',
        route: 'publish_artifact',
        status: 201,
        user: 'ann',
      },
    });
    await get('/v1/packages?prefix=hunter2', { 'X-Request-Id': 'log-2' });
    expect(JSON.stringify(lineOf('log-2'))).not.toContain('hunter2');
    await publish('logged', { ...writer, 'X-Request-Id': 'log-3' });
    expect(lineOf('log-3')?.fields).toMatchObject({ code: 'ALREADY_EXISTS', step: 'respond.error (12)' });
  });

  test('warns of slow requests with the step that was waited for, and is silent on others where info is off', async () => {
    infoIsOn = false;
    slowMs = -1;
    await publish('slow', { ...writer, 'X-Request-Id': 'log-4' });
    slowMs = 60_000;
    await publish('quick', { ...writer, 'X-Request-Id': 'log-5' });
    infoIsOn = true;
    expect(lineOf('log-4')).toMatchObject({
      level: 'warn',
      message: 'Slow request',
      fields: { route: 'publish_artifact', step: expect.stringMatching(/^(?:blob\.put|txn\.begin) \(\d+\)$/) },
    });
    expect(lineOf('log-5')).toBeUndefined();
  });

  test('names route and step of what failed inside, under the id that the client saw', async () => {
    const store = registry.runtime.blobStore('primary');
    const { put } = store;
    Object.assign(store, { put: () => Promise.reject(new Error('the disk is gone')) });
    const response = await publish('failing', { ...writer, 'X-Request-Id': 'log-6' });
    Object.assign(store, { put });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('disk');
    const [failure] = lines.filter(({ level, fields }) => level === 'error' && fields.request_id === 'log-6');
    expect(failure?.fields).toMatchObject({ route: 'publish_artifact', step: 'blob.put (13)' });
    const error = failure?.fields.err;
    expect(String(error instanceof Error ? error.cause : error)).toContain('the disk is gone');
  });
});

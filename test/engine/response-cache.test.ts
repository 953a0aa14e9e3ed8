import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openObjectCache } from '../../src/adapters/cache/objects.ts';
import type { ResponseDraft } from '../../src/engine/contract.ts';
import { ResponseCache } from '../../src/engine/response-cache.ts';
import type { PrincipalView } from '../../src/language/frame.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type StoreKind, type TestRegistry } from '../support/registry.ts';
import { insideStep } from './gates.ts';
import { get, notFound, registryOf, removeItem, reply, route, writeItem } from './steps.ts';

/** `caching.response_cache`: whole answers, found by request and principal, and right after every write. */

const count = { op: 'test.count', args: {} };
const read = (steps: readonly unknown[], extra: object = {}) => ({
  ...route('read', [count, ...steps], 'GET', '/items/{id}'),
  ...extra,
});
const READ = read([get('{id}', 'item'), notFound('item'), reply('$item')]);

async function open(routes: readonly object[], kind: StoreKind = 'memory', settings: object = {}, parts: object = {}) {
  const { operations, runs: made, inside } = insideStep('test.count');
  const clock = createFakeClock();
  const caching = { response_cache: settings };
  const opened = await openTestRegistry(registryOf([...routes, writeItem, removeItem], { caching, ...parts }), {
    kind,
    clock,
    operations,
  });
  const write = (id: string, value: object) => opened.send('PUT', `/items/${id}`, { body: value });
  return { ...opened, made, inside, clock, write };
}

/** From the second time on an answer is kept. */
async function twice(send: TestRegistry['send'], target: string, headers: Record<string, string> = {}) {
  await send('GET', target, { headers });
  return send('GET', target, { headers });
}

function stats({ registry }: Pick<TestRegistry, 'registry'>) {
  return registry.stats().find((part) => part.kind === 'cache' && part.name === 'responses')?.cache;
}

describe.each(STORE_KINDS)('kept answers on %s', (kind) => {
  it('are made until they are asked for again, and anew after every write', async () => {
    const opened = await open([READ], kind);
    const { send, made, write } = opened;
    await write('a', { n: 1 });
    for (let round = 0; round < 5; round++) expect((await send('GET', '/items/a')).json).toEqual({ n: 1 });
    expect(made()).toBe(2);
    await write('a', { n: 2 });
    for (let round = 0; round < 2; round++) expect((await send('GET', '/items/a')).json).toEqual({ n: 2 });
    await write('b', { n: 3 });
    for (let round = 0; round < 2; round++) expect((await send('GET', '/items/a')).json).toEqual({ n: 2 });
    expect(made()).toBe(4);
    await send('DELETE', '/items/a');
    for (let round = 0; round < 3; round++) expect((await send('GET', '/items/a')).status).toBe(404);
    expect(made()).toBe(7);
    expect(stats(opened)).toMatchObject({ hits: 5, misses: 7, entries: 1 });
  });

  it('last as long as the definition says', async () => {
    const { send, made, write, clock } = await open([READ], kind, { default_ttl_seconds: 60 });
    await write('a', { n: 1 });
    await twice(send, '/items/a');
    clock.advance(59_999);
    await send('GET', '/items/a');
    expect(made()).toBe(2);
    clock.advance(1);
    await twice(send, '/items/a');
    expect(made()).toBe(3);
  });

  it('that were being made when a write came are not used', async () => {
    const late = route('late', [get('{id}', 'item'), notFound('item'), count, reply('$item')], 'GET', '/items/{id}');
    const { send, write, made, inside } = await open([late], kind);
    await write('a', { n: 1 });
    await send('GET', '/items/a');
    inside.action = () => {
      inside.action = () => undefined;
      return write('a', { n: 2 });
    };
    expect((await send('GET', '/items/a')).json).toEqual({ n: 1 });
    for (let round = 0; round < 2; round++) expect((await send('GET', '/items/a')).json).toEqual({ n: 2 });
    expect(made()).toBe(3);
  });
});

describe('what an answer is found by', () => {
  it('is the target, query and all', async () => {
    const { send, made } = await open([read([reply({ id: '$id', q: '$request.query.q' })])]);
    const targets = ['/items/a', '/items/b', '/items/a?q=1', '/items/a?q=2', '/items/a?', '/items/%61'];
    const expected = ['a', 'b', 'a', 'a', 'a', 'a'].map((id, index) => ({
      id,
      q: [null, null, '1', '2'][index] ?? null,
    }));
    for (let round = 0; round < 3; round++) {
      for (const [index, target] of targets.entries())
        expect((await send('GET', target)).json).toEqual(expected[index]);
    }
    expect(made()).toBe(2 * targets.length);
  });

  it('is the value of each header that is varied on, also where there is none', async () => {
    const answer = reply({ accept: '$request.headers.accept', a: "$request.headers['x-a']" });
    const { send, made } = await open([read([answer])], 'memory', { vary_headers: ['Accept', 'X-A'] });
    const all: Record<string, string>[] = [
      {},
      { accept: '' },
      { accept: 'a' },
      { 'x-a': 'a' },
      { accept: 'a', 'x-a': 'null' },
      { accept: '","', 'x-a': '' },
    ];
    for (let round = 0; round < 3; round++) {
      for (const headers of all) {
        const { json } = await send('GET', '/items/a', { headers: { ...headers, 'x-other': String(round) } });
        expect(json).toEqual({ accept: headers.accept ?? null, a: headers['x-a'] ?? null });
      }
    }
    expect(made()).toBe(2 * all.length);
  });

  it('is the principal', async () => {
    const { send, made } = await open([read([reply('$principal.sub')])]);
    for (let round = 0; round < 3; round++) {
      expect((await send('GET', '/items/a')).json).toBeNull();
      expect((await send('GET', '/items/a', { headers: ADMIN })).json).toBe('admin');
    }
    expect(made()).toBe(4);
  });

  it('is all that steps can see of the principal: scopes, roles and organisation', async () => {
    const settings = { varyHeaders: [], maxEntryBytes: 1000, ttlSeconds: 60, useEtag: false, useLastModified: false };
    const cache = new ResponseCache(openObjectCache(100_000), settings, createFakeClock());
    const ada: PrincipalView = { sub: 'ada', scopes: ['read'], roles: [], org: null };
    const all = [
      ada,
      { ...ada, sub: 'bob' },
      { ...ada, sub: null },
      { ...ada, scopes: ['read', 'write'] },
      { ...ada, scopes: [], roles: ['read'] },
      { ...ada, org: 'acme' },
    ];
    const request = { target: '/', headers: [], baseUrl: 'http://a.test' };
    const route = { prefix: '"a"', byAddress: false };
    for (let round = 0; round < 3; round++) {
      for (const [index, principal] of all.entries()) {
        const made = draftOf(String(index));
        const answer = await cache.answer(route, request, { ...principal }, { sequence: () => 1 }, () => made);
        expect(answer).toEqual(made);
      }
    }
    expect(cache.stats()).toMatchObject({ hits: all.length, misses: 2 * all.length, entries: all.length });
    // A route that shows the address tells addresses apart.
    const elsewhere = { ...request, baseUrl: 'http://b.test' };
    const at = (where: typeof request) =>
      cache.answer({ prefix: '"b"', byAddress: true }, where, ada, { sequence: () => 1 }, () => draftOf(where.baseUrl));
    for (let round = 0; round < 3; round++) {
      for (const where of [request, elsewhere]) expect(await at(where)).toEqual(draftOf(where.baseUrl));
    }
  });

  it('is the route, and HEAD has the answer of GET', async () => {
    const other = route('other', [reply('other')], 'GET', '/others/{id}');
    const { send, made } = await open([read([reply('one')]), other]);
    for (let round = 0; round < 3; round++) {
      expect((await send('GET', '/items/a')).json).toBe('one');
      expect((await send('GET', '/others/a')).json).toBe('other');
      const { status, headers, bytes } = await send('HEAD', '/items/a');
      expect([status, headers['content-length'], bytes.length]).toEqual([200, '5', 0]);
    }
    expect(made()).toBe(2);
  });
});

describe('kept answers', () => {
  it('are shown to nobody whom a policy keeps out, and not to wrong credentials', async () => {
    const auth = {
      scopes: [{ name: 'admin', actions: ['*'] }],
      policies: [{ name: 'p', effect: 'allow', when: { 'route.tags': ['closed'] }, require: { scopes: ['admin'] } }],
    };
    const { send, made } = await open([read([reply('secret')], { tags: ['closed'] })], 'memory', {}, { auth });
    for (let round = 0; round < 3; round++) {
      expect((await send('GET', '/items/a', { headers: ADMIN })).json).toBe('secret');
      expect((await send('GET', '/items/a')).status).toBe(401);
      expect((await send('GET', '/items/a', { headers: { authorization: 'Bearer no' } })).status).toBe(401);
    }
    expect(made()).toBe(2);
  });

  it('go through HTTP like fresh ones: conditions, and gzip', async () => {
    const long = 'x'.repeat(3000);
    const { send, made } = await open([READ], 'memory', { revalidate: { use_etag: true, use_last_modified: true } });
    await send('PUT', '/items/a', { body: { long } });
    const fresh = await send('GET', '/items/a');
    for (let round = 0; round < 2; round++) {
      const kept = await send('GET', '/items/a');
      expect(kept).toMatchObject({ status: 200, text: fresh.text, headers: fresh.headers });
    }
    const etag = fresh.headers.etag!;
    expect((await send('GET', '/items/a', { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await send('GET', '/items/a', { headers: { 'if-match': '"other"' } })).status).toBe(412);
    const coded = await send('GET', '/items/a', { headers: { 'accept-encoding': 'gzip' } });
    expect(coded.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(coded.bytes).toString()).toBe(fresh.text);
    expect(made()).toBe(2);
  });

  it('say since when they are so, once that second is over, and answer If-Modified-Since', async () => {
    const { send, clock, write } = await open([read([get('{id}', 'item'), reply('$item.n')])], 'memory', {
      revalidate: { use_etag: true, use_last_modified: true },
    });
    clock.advance(1000 - (clock.now() % 1000));
    const madeAt = new Date(clock.now()).toUTCString();
    await write('a', { n: 1 });
    await twice(send, '/items/a');
    clock.advance(999);
    const { headers } = await send('GET', '/items/a');
    expect([headers['last-modified'], /^"[\w-]{43}"$/.test(headers.etag!)]).toEqual([undefined, true]);
    clock.advance(1);
    expect((await send('GET', '/items/a')).headers['last-modified']).toBe(madeAt);
    const since = (date: string, more = {}) =>
      send('GET', '/items/a', { headers: { 'if-modified-since': date, ...more } }).then(({ status }) => status);
    expect(await since(madeAt)).toBe(304);
    expect(await since(new Date(clock.now() - 2000).toUTCString())).toBe(200);
    expect(await since('yesterday')).toBe(200);
    // The entity tag decides where both are given.
    expect(await since(madeAt, { 'if-none-match': '"other"' })).toBe(200);
    await write('a', { n: 2 });
    expect(await since(madeAt)).toBe(200);
  });

  it('are none of errors, of what is too large, of streams, of what forbids it or sets cookies, or of a route that does not want it', async () => {
    const header = (name: string, value: string) => reply('x', { headers: { [name]: value } });
    const cases = [
      reply('x'.repeat(100)),
      { op: 'respond.json', args: { status: 203, body: 'x' } },
      header('Cache-Control', 'max-age=1, No-Store'),
      header('Set-Cookie', 'a=b'),
    ];
    for (const step of cases) {
      const { send, made } = await open([read([step])], 'memory', { max_entry_bytes: 100 });
      for (let round = 0; round < 3; round++) expect((await send('GET', '/items/a')).text).toMatch(/^"x/);
      expect(made()).toBe(3);
    }
    for (const [settings, extra] of [
      [{}, { cache: false }],
      [{ enabled: false }, {}],
    ]) {
      const opened = await open([read([reply('x')], extra)], 'memory', settings);
      for (let round = 0; round < 3; round++) await opened.send('GET', '/items/a');
      expect(opened.made()).toBe(3);
    }
  });

  it('do not outlive the definition that they were made by', async () => {
    const { registry, send, made } = await open([read([reply('x')])]);
    await twice(send, '/items/a');
    expect(await registry.replace({ ...registry.definition })).toBeNull();
    await send('GET', '/items/a');
    expect(made()).toBe(3);
  });
});

function draftOf(text: string): ResponseDraft {
  return { status: 200, headers: [], body: { kind: 'text', text }, etag: null };
}

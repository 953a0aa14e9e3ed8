import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../conformance/fake-clock.ts';
import { ALL_STORE_KINDS, openTestRegistry, type StoreKind, type TestRegistryOptions } from '../support/registry.ts';
import {
  begin,
  body,
  commit,
  get,
  notFound,
  type Parts,
  put,
  readItem,
  registryOf,
  removeItem,
  reply,
  route,
  set,
  writeItem,
} from './steps.ts';

/** language.md, section 5: documents and TTL; section 6: stored documents pass through. */
describe.each(ALL_STORE_KINDS)('documents on %s', (kind: StoreKind) => {
  const open = (routes: readonly object[], parts: Parts = {}, options: Partial<TestRegistryOptions> = {}) =>
    openTestRegistry(registryOf([writeItem, readItem, removeItem, ...routes], parts), { kind, ...options });
  const list = (args: object = {}) => ({ op: 'kv.list', args: { doc: 'item', out: 'items', ...args } });

  it('that a route passes on unchanged are sent as the bytes that were stored', async () => {
    const stored = '{ "z": 1.0, "a": 1e3,\t"big": 12345678901234567890, "\\u0041": [ ] , "é":"\\u00e9"}';
    const { send, registry } = await open([
      route('wrapped', [get('odd', 'item'), list(), reply({ n: 1, item: '$item', items: '$items' })], 'GET'),
      route('bytes', [get('odd', 'item'), notFound('item'), { op: 'respond.bytes', args: { body: '$item' } }], 'GET'),
      route('copy', [begin, get('odd', 'item'), put('copy', '$item'), commit, reply(null)]),
    ]);
    await registry.runtime.store('meta').commit({
      id: 'odd',
      checks: [],
      puts: [{ collection: 'item', key: 'item/odd', value: stored, expiresAt: null, rows: {} }],
      deletes: [],
      events: [],
    });
    expect((await send('GET', '/items/odd')).text).toBe(stored);
    expect((await send('GET', '/bytes')).text).toBe(stored);
    // Inside another document, too, and through a write of the document as it was read.
    expect((await send('GET', '/wrapped')).text).toBe(`{"n":1,"item":${stored},"items":[${stored}]}`);
    await send('POST', '/copy');
    expect((await send('GET', '/items/copy')).text).toBe(stored);
  });

  it('that do not fit their schema are refused at the write', async () => {
    const { send } = await open([], {
      documents: { item: { store: 'meta', key_template: 'item/{id}', schema: 'ItemV1' } },
      schemas: { ItemV1: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
    });
    const refused = await send('PUT', '/items/a', { body: { name: 1 } });
    expect([refused.status, refused.json.error.code]).toEqual([422, 'DOCUMENT_INVALID']);
    expect(refused.json.error.details).toMatchObject({ document: 'item', errors: [{ pointer: '/name' }] });
    expect((await send('GET', '/items/a')).status).toBe(404);
    expect((await send('PUT', '/items/a', { body: { name: 'x' } })).status).toBe(200);
  });

  it('are found by the key template filled in or by its parts, and different parts never make one key', async () => {
    const pair = { pair: { store: 'meta', key_template: 'pair/{a}/{b?}' } };
    const { send } = await open(
      [
        route('write_pair', [
          body(),
          begin,
          { op: 'kv.put', args: { doc: 'pair', key: { a: '$body.a', b: '$body.b' }, value: '$body' } },
          commit,
          reply(null),
        ]),
        route(
          'text',
          [
            { op: 'kv.get', args: { doc: 'pair', key: 'pair/{request.query.a}/{request.query.b}', out: 'p' } },
            reply('$p'),
          ],
          'GET',
        ),
        route(
          'parts',
          [
            { op: 'kv.get', args: { doc: 'pair', key: { a: '{request.query.a}', b: '$request.query.b' }, out: 'p' } },
            reply('$p'),
          ],
          'GET',
        ),
      ],
      { documents: pair },
    );
    const pairs = [
      { a: 'x', b: 'y' },
      { a: 'x/y', b: '' },
      { a: 'x/', b: 'y' },
      { a: 'x', b: '/y' },
      { a: 'x%2Fy', b: '.' },
      { a: '..', b: 'é\u0000' },
    ];
    for (const one of pairs)
      expect((await send('POST', '/write_pair', { body: one })).status, JSON.stringify(one)).toBe(200);
    for (const { a, b } of pairs) {
      const query = `a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;
      expect((await send('GET', `/parts?${query}`)).json).toEqual({ a, b });
      expect((await send('GET', `/text?${query}`)).json).toEqual({ a, b });
    }
  });

  it('are read many at a time, in the order asked for, absent ones null', async () => {
    const many = (keys: unknown) => ({
      op: 'kv.get',
      args: { doc: 'item', keys, out: 'items', out_version: 'versions' },
    });
    const { send } = await open([
      route(
        'listed',
        [many([{ id: 'b' }, { id: 'none' }, 'item/a', { id: 'b' }]), reply({ items: '$items', versions: '$versions' })],
        'GET',
      ),
      route('computed', [set({ keys: [{ id: 'a' }, { id: 'b' }] }), many('$keys'), reply('$items')], 'GET'),
    ]);
    await send('PUT', '/items/a', { body: { v: 'a' } });
    await send('PUT', '/items/b', { body: { v: 'b' } });
    const { json } = await send('GET', '/listed');
    expect(json.items).toEqual([{ v: 'b' }, null, { v: 'a' }, { v: 'b' }]);
    expect(json.versions).toEqual([json.versions[0], null, json.versions[2], json.versions[0]]);
    expect(json.versions[0]).toBeGreaterThan(json.versions[2]);
    expect((await send('GET', '/computed')).json).toEqual([{ v: 'a' }, { v: 'b' }]);
  });

  it('are listed in byte order below a prefix, a page at a time', async () => {
    const deep = { deep: { store: 'meta', key_template: 'deep/{a}/{b}' } };
    const { send } = await open(
      [
        route(
          'add',
          [
            begin,
            { op: 'kv.put', args: { doc: 'deep', key: { a: '{a}', b: '{b}' }, value: ['$a', '$b'] } },
            commit,
            reply(null),
          ],
          'PUT',
          '/deep/{a}/{b}',
        ),
        route(
          'page',
          [
            {
              op: 'kv.list',
              args: {
                doc: 'deep',
                prefix: { a: '$request.query.a' },
                limit: 2,
                cursor: '$request.query.cursor',
                out: 'rows',
                out_next: 'next',
              },
            },
            reply({ rows: '$rows', next: '$next' }),
          ],
          'GET',
        ),
      ],
      { documents: deep },
    );
    for (const path of ['a/z', 'a/B', 'a/é', 'a/b', 'ab/a', 'A/a']) await send('PUT', `/deep/${encodeURI(path)}`);
    const first = (await send('GET', '/page?a=a')).json;
    expect(first.rows).toEqual([
      ['a', 'B'],
      ['a', 'b'],
    ]);
    const second = (await send('GET', `/page?a=a&cursor=${first.next}`)).json;
    expect(second).toEqual({
      rows: [
        ['a', 'z'],
        ['a', 'é'],
      ],
      next: null,
    });
    // A cursor belongs to its list.
    for (const target of [`/page?a=ab&cursor=${first.next}`, `/page?a=a&cursor=x${first.next}`, '/page?a=a&cursor=']) {
      const refused = await send('GET', target);
      expect([refused.status, refused.json.error.code], target).toEqual([400, 'CURSOR_INVALID']);
    }
  });

  it('hold what any JSON holds: names such as __proto__ are names', async () => {
    const { send } = await open([
      route('member', [get('a', 'item'), reply({ own: '$item.__proto__.x', none: '$item.constructor' })], 'GET'),
    ]);
    const text = '{"__proto__":{"x":1},"toString":null}';
    await send('PUT', '/items/a', { body: text });
    expect((await send('GET', '/items/a')).text).toBe(text);
    expect((await send('GET', '/member')).json).toEqual({ own: 1, none: null });
    const odd = await send('PUT', '/items/__proto__', { body: { v: 1 } });
    expect([odd.status, (await send('GET', '/items/__proto__')).json]).toEqual([200, { v: 1 }]);
  });
});

describe.each(ALL_STORE_KINDS)('time to live on %s', (kind: StoreKind) => {
  const SECOND = 1000;
  const PARTS: Parts = {
    documents: { item: { store: 'meta', key_template: 'item/{id}', ttl_seconds: 10 } },
    indexes: {
      codes: { source_document: 'item', keys: [{ name: 'by_code', fields: ['code'], unique: true }] },
    },
  };
  const all = { op: 'index.query', args: { index: 'codes', out: 'rows', out_total: 'total' } };
  const ROUTES = [
    writeItem,
    readItem,
    route(
      'lasting',
      [body(), begin, put('{id}', '$body', { ttl_seconds: '$request.query.ttl' }), commit, reply(null)],
      'PUT',
      '/lasting/{id}',
    ),
    route(
      'claim',
      [
        body(),
        begin,
        { op: 'kv.cas_put', args: { doc: 'item', key: { id: '{id}' }, value: '$body', if_absent: true } },
        commit,
        reply(null, { status: 201 }),
      ],
      'PUT',
      '/claims/{id}',
    ),
    route(
      'look',
      [
        all,
        { op: 'kv.list', args: { doc: 'item', out: 'list' } },
        reply({ rows: '$rows', total: '$total', list: '$list' }),
      ],
      'GET',
    ),
  ];
  async function open() {
    const clock = createFakeClock();
    const registry = await openTestRegistry(registryOf(ROUTES, PARTS), { kind, clock });
    return { ...registry, clock };
  }

  it('makes a record absent to reads, lists, queries, counts and uniqueness from its moment on', async () => {
    const { send, clock } = await open();
    await send('PUT', '/items/a', { body: { code: 1 } });
    clock.advance(10 * SECOND - 1);
    expect((await send('GET', '/items/a')).status).toBe(200);
    expect((await send('PUT', '/claims/a', { body: { code: 2 } })).json.error.code).toBe('ALREADY_EXISTS');
    expect((await send('PUT', '/claims/b', { body: { code: 1 } })).json.error.code).toBe('UNIQUE_VIOLATION');
    expect((await send('GET', '/look')).json).toEqual({ rows: [{ code: 1 }], total: 1, list: [{ code: 1 }] });
    clock.advance(1);
    expect((await send('GET', '/items/a')).status).toBe(404);
    expect((await send('GET', '/look')).json).toEqual({ rows: [], total: 0, list: [] });
    expect((await send('PUT', '/claims/b', { body: { code: 1 } })).status).toBe(201);
    expect((await send('PUT', '/claims/a', { body: { code: 2 } })).status).toBe(201);
  });

  it('can be given with the write: another, or never', async () => {
    const { send, clock } = await open();
    await send('PUT', '/lasting/short?ttl=1', { body: { code: 1 } });
    await send('PUT', '/lasting/never?ttl=0', { body: { code: 2 } });
    await send('PUT', '/lasting/own', { body: { code: 3 } });
    clock.advance(SECOND);
    expect((await send('GET', '/look')).json.total).toBe(2);
    clock.advance(9 * SECOND);
    expect((await send('GET', '/look')).json.rows).toEqual([{ code: 2 }]);
    expect((await send('PUT', '/lasting/bad?ttl=-1', { body: {} })).json.error.code).toBe('VALUE_INVALID');
  });

  it('begins anew with each write, and a sweep changes nothing that is seen', async () => {
    const { send, clock, registry } = await open();
    await send('PUT', '/items/a', { body: { code: 1 } });
    await send('PUT', '/items/b', { body: { code: 2 } });
    clock.advance(6 * SECOND);
    await send('PUT', '/items/a', { body: { code: 1 } });
    clock.advance(6 * SECOND);
    const before = (await send('GET', '/look')).json;
    expect(before).toMatchObject({ rows: [{ code: 1 }], total: 1 });
    await registry.sweep();
    expect((await send('GET', '/look')).json).toEqual(before);
    // What was swept is gone from the store, not only from sight.
    expect(await registry.runtime.store('meta').sweepExpired(10)).toBe(0);
  });
});

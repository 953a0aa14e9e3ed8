import { describe, expect, it } from 'vitest';
import { ADMIN, ALL_STORE_KINDS, openTestRegistry, type StoreKind } from '../support/registry.ts';
import { begin, body, commit, get, type Parts, put, registryOf, reply, route } from './steps.ts';

/** language.md, section 5: `visible_when` in every read, query, count and page; invisible is absent. */
const PARTS: Parts = {
  documents: {
    item: {
      store: 'meta',
      key_template: 'item/{id}',
      visible_when: {
        any: [
          { equals: ['$record.public', true] },
          // Anonymous has a null `sub`, and a record without an owner a null `owner`: these are equal, so null is asked for first.
          { is_not_null: '$record.owner', equals: ['$record.owner', '$principal.sub'] },
          { in: ['root', '$principal.roles'] },
        ],
      },
    },
    computed: {
      store: 'meta',
      key_template: 'computed/{id}',
      visible_when: { expr: 'record.level <= 1 or principal.sub = "admin"' },
    },
  },
  indexes: { items: { source_document: 'item', keys: [{ name: 'by_rank', fields: [], sort: ['rank'] }] } },
};
const query = (args: object = {}) => ({
  op: 'index.query',
  args: {
    index: 'items',
    limit: '$request.query.limit',
    cursor: '$request.query.cursor',
    out: 'rows',
    out_next: 'next',
    out_total: 'total',
    ...args,
  },
});
const answer = reply({ ids: '{% [rows.id] %}', next: '$next', total: '$total' });
const ROUTES = [
  route('write', [body(), begin, put('{id}', '$body'), commit, reply(null)], 'PUT', '/items/{id}'),
  route(
    'one',
    [get('{id}', 'item', { out_version: 'v' }), reply({ item: '$item', version: '$v' })],
    'GET',
    '/items/{id}',
  ),
  route(
    'many',
    [{ op: 'kv.get', args: { doc: 'item', keys: [{ id: 'open' }, { id: 'closed' }], out: 'rows' } }, reply('$rows')],
    'GET',
  ),
  route(
    'list',
    [
      {
        op: 'kv.list',
        args: {
          doc: 'item',
          limit: '$request.query.limit',
          cursor: '$request.query.cursor',
          out: 'rows',
          out_next: 'next',
        },
      },
      reply({ ids: '{% [rows.id] %}', next: '$next' }),
    ],
    'GET',
  ),
  route('query', [query(), answer], 'GET'),
  route(
    'registry',
    [query({ as: 'registry' }), get('closed', 'item', { as: 'registry' }), reply({ total: '$total', item: '$item' })],
    'GET',
  ),
  route('inside', [
    begin,
    put('own', { id: 'own', rank: 0 }),
    query(),
    get('own', 'item'),
    commit,
    reply({ item: '$item', total: '$total' }),
  ]),
  route(
    'claim',
    [
      begin,
      { op: 'kv.cas_put', args: { doc: 'item', key: { id: 'closed' }, value: {}, if_absent: true } },
      commit,
      reply(null),
    ],
    'PUT',
  ),
];

describe.each(ALL_STORE_KINDS)('visible_when on %s', (kind: StoreKind) => {
  async function open() {
    const registry = await openTestRegistry(registryOf(ROUTES, PARTS), { kind });
    const write = (id: string, item: object) => registry.send('PUT', `/items/${id}`, { body: { id, ...item } });
    const see = async (path: string, headers: Record<string, string> = {}) =>
      (await registry.send('GET', path, { headers })).json;
    return { ...registry, write, see };
  }

  it('hides a record from who may not see it: one, many, lists, queries and counts', async () => {
    const { write, see } = await open();
    await write('open', { public: true, rank: 1 });
    await write('closed', { public: false, rank: 2 });
    await write('mine', { owner: 'admin', rank: 3 });
    expect(await see('/items/closed')).toEqual({ item: null, version: null });
    expect(await see('/many')).toEqual([{ id: 'open', public: true, rank: 1 }, null]);
    expect(await see('/list')).toEqual({ ids: ['open'], next: null });
    expect(await see('/query')).toEqual({ ids: ['open'], next: null, total: 1 });
    expect(await see('/query', ADMIN)).toMatchObject({ ids: ['open', 'mine'], total: 2 });
    expect((await see('/items/mine', ADMIN)).item.id).toBe('mine');
  });

  it('shows everything to steps that say `registry`', async () => {
    const { write, see } = await open();
    await write('closed', { rank: 1 });
    expect(await see('/registry')).toMatchObject({ total: 1, item: { id: 'closed' } });
  });

  it('does not free a key: a write that must be the first sees what is hidden', async () => {
    const { write, send } = await open();
    await write('closed', { rank: 1 });
    expect((await send('PUT', '/claim')).status).toBe(409);
  });

  it('holds inside a transaction, for its own writes too', async () => {
    const { write, send } = await open();
    await write('open', { public: true, rank: 1 });
    expect((await send('POST', '/inside')).json).toEqual({ item: null, total: 1 });
    expect((await send('POST', '/inside', { headers: ADMIN })).json).toEqual({ item: null, total: 1 });
  });

  it('fills pages across what is hidden, and no cursor tells of it', async () => {
    const { write, see } = await open();
    const visible: string[] = [];
    for (let n = 0; n < 130; n++) {
      const id = `i${String(n).padStart(3, '0')}`;
      const isPublic = n % 40 === 5;
      if (isPublic) visible.push(id);
      await write(id, { public: isPublic, rank: n });
    }
    expect(visible).toHaveLength(4);
    for (const path of ['/query', '/list']) {
      const first = await see(`${path}?limit=3`);
      expect(first.ids).toEqual(visible.slice(0, 3));
      // One more is to come; after it only hidden ones, of which no cursor tells.
      const second = await see(`${path}?limit=3&cursor=${first.next}`);
      expect([second.ids, second.next]).toEqual([['i125'], null]);
      expect(await see(`${path}?limit=4`)).toMatchObject({ ids: visible, next: null });
    }
    expect((await see('/query?limit=1')).total).toBe(4);
  });
});

describe('visible_when on a store that takes its time', () => {
  it('counts no waiting as computing', async () => {
    const { send } = await openTestRegistry(registryOf(ROUTES, { ...PARTS, limits: { max_cpu_ms_per_request: 100 } }), {
      kind: 'memory',
      seams: {
        wrapRecordStore: (store) => ({
          ...store,
          async query(asked) {
            await new Promise((resolve) => setTimeout(resolve, 150));
            return store.query(asked);
          },
        }),
      },
    });
    await send('PUT', '/items/open', { body: { id: 'open', public: true, rank: 1 } });
    expect((await send('GET', '/query')).json).toMatchObject({ ids: ['open'], total: 1 });
  });
});

describe('visible_when with an expression', () => {
  it('is awaited for every record', async () => {
    const doc = 'computed';
    const { send } = await openTestRegistry(
      registryOf(
        [
          route(
            'write',
            [body(), begin, { op: 'kv.put', args: { doc, key: { id: '{id}' }, value: '$body' } }, commit, reply(null)],
            'PUT',
            '/c/{id}',
          ),
          route('list', [{ op: 'kv.list', args: { doc, out: 'rows' } }, reply('$rows')], 'GET'),
        ],
        PARTS,
      ),
      { kind: 'memory' },
    );
    for (const level of [0, 1, 2]) await send('PUT', `/c/${level}`, { body: { level } });
    expect((await send('GET', '/list')).json).toEqual([{ level: 0 }, { level: 1 }]);
    expect((await send('GET', '/list', { headers: ADMIN })).json).toHaveLength(3);
  });
});

import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { Commit, RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { openTestRegistry, STORE_KINDS, type StoreKind, type TestRegistry, type TestRegistryOptions } from '../support/registry.ts';
import { gates } from './gates.ts';

/** language.md, section 4. Races are made by gates, not by waiting. */
const begin = { op: 'txn.begin', args: {} };
const commit = { op: 'txn.commit', args: {} };
const gate = (name: string) => ({ op: 'test.gate', args: { name } });
const get = (key: string, out: string) => ({ op: 'kv.get', args: { doc: 'item', key: { id: key }, out } });
const put = (key: string, value: unknown) => ({ op: 'kv.put', args: { doc: 'item', key: { id: key }, value } });
const reply = (body: unknown, status = 200) => ({ op: 'respond.json', args: { status, body } });
const notFound = (name: string) => ({
  op: 'respond.error',
  when: { is_null: `$${name}` },
  args: { status: 404, code: 'NOT_FOUND' },
});
const byGroup = (out: string, extra: object = {}) => ({
  op: 'index.query',
  args: { index: 'items', by: 'by_group', key: { group: 'g' }, out, ...extra },
});
const route = (id: string, pipeline: readonly unknown[], method = 'POST', path = `/${id}`) => ({ id, method, path, pipeline });

const COMMON = [
  route('read', [get('{id}', 'item'), notFound('item'), reply('$item')], 'GET', '/items/{id}'),
  route(
    'write',
    [
      { op: 'parse.json', args: { out: 'body' } },
      begin,
      put('{id}', '$body'),
      { op: 'emit.event', args: { type: 'written', payload: { id: '$id' } } },
      commit,
      reply({ ok: true }),
    ],
    'PUT',
    '/items/{id}',
  ),
  route('remove', [begin, { op: 'kv.delete', args: { doc: 'item', key: { id: '{id}' } } }, commit, reply({ ok: true })], 'DELETE', '/items/{id}'),
];

function definition(...routes: readonly object[]): object {
  return {
    schema_version: '1.0',
    type_id: 'test.transactions',
    storage: {
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs' } },
      kv_stores: { meta: { kind: 'sqlite' } },
      documents: {
        item: { store: 'meta', key_template: 'item/{id}' },
        holder: { store: 'meta', key_template: 'holder/{id}', blobs: ['digest'] },
      },
    },
    indexes: {
      items: {
        source_document: 'item',
        keys: [{ name: 'by_group', fields: ['group'], sort: ['rank'] }],
        filter: { is_not_null: '$record.group' },
      },
      codes: {
        source_document: 'item',
        keys: [{ name: 'by_code', fields: ['code'], unique: true }],
        filter: { is_not_null: '$record.code' },
      },
    },
    events: { types: [{ name: 'written' }] },
    ops: { closed_world: false },
    api: { routes: [...COMMON, ...routes] },
  };
}

describe.each(STORE_KINDS)('transactions on %s', (kind: StoreKind) => {
  async function open(routes: readonly object[], options: Partial<TestRegistryOptions> = {}) {
    const gate = gates();
    const registry = await openTestRegistry(definition(...routes), { kind, operations: gate.operations, ...options });
    return { ...registry, gate };
  }
  const write = (registry: TestRegistry, id: string, value: object) => registry.send('PUT', `/items/${id}`, { body: value });

  it('shows a transaction its own writes: records, lists, queries, counts', async () => {
    const { send, ...registry } = await open([
      route('own', [
        begin,
        put('b', { group: 'g', rank: 2 }),
        { op: 'kv.delete', args: { doc: 'item', key: { id: 'a' } } },
        get('b', 'b'),
        get('a', 'a'),
        byGroup('rows', { out_total: 'total' }),
        byGroup('first', { limit: 1, out_next: 'next' }),
        byGroup('second', { limit: 1, cursor: '$next' }),
        { op: 'kv.list', args: { doc: 'item', out: 'all' } },
        commit,
        reply({ b: '$b', a: '$a', rows: '$rows', total: '$total', first: '$first', second: '$second', all: '$all' }),
      ]),
    ]);
    await write({ send, ...registry }, 'a', { group: 'g', rank: 1 });
    await write({ send, ...registry }, 'c', { group: 'g', rank: 3 });
    const { json } = await send('POST', '/own');
    const b = { group: 'g', rank: 2 };
    const c = { group: 'g', rank: 3 };
    expect(json).toEqual({ b, a: null, rows: [b, c], total: 2, first: [b], second: [c], all: [b, c] });
    expect((await send('GET', '/items/a')).status).toBe(404);
  });

  it('loses no update', async () => {
    const increment = [
      begin,
      get('n', 'item'),
      gate('read'),
      put('n', { value: '{% item.value + 1 %}' }),
      commit,
      reply({ ok: true }),
    ];
    const { send, gate: on, ...registry } = await open([route('increment', increment)]);
    await write({ send, ...registry }, 'n', { value: 0 });
    on.on('read', (time) => time === 1 && send('POST', '/increment'));
    expect((await send('POST', '/increment')).status).toBe(200);
    expect((await send('GET', '/items/n')).json).toEqual({ value: 2 });
    expect(on.count('read')).toBe(3);
  });

  it('admits no write skew', async () => {
    const leave = (who: string) =>
      route(`leave_${who}`, [
        begin,
        get('x', 'x'),
        get('y', 'y'),
        gate(who),
        {
          op: 'flow.if',
          args: {
            test: { equals: ['$x.on', true], all: [{ equals: ['$y.on', true] }] },
            then: [put(who, { on: false })],
          },
        },
        commit,
        reply({ ok: true }),
      ]);
    const { send, gate: on, ...registry } = await open([leave('x'), leave('y')]);
    await write({ send, ...registry }, 'x', { on: true });
    await write({ send, ...registry }, 'y', { on: true });
    on.on('x', (time) => time === 1 && send('POST', '/leave_y'));
    await send('POST', '/leave_x');
    const left = [(await send('GET', '/items/x')).json.on, (await send('GET', '/items/y')).json.on];
    expect(left.filter(Boolean)).toHaveLength(1);
  });

  it.each([
    ['insert', (send: TestRegistry['send']) => send('PUT', '/items/new', { body: { group: 'g', rank: 9 } }), 2],
    ['delete', (send: TestRegistry['send']) => send('DELETE', '/items/old'), 0],
    ['change', (send: TestRegistry['send']) => send('PUT', '/items/old', { body: { group: 'other' } }), 0],
  ])('sees no phantom %s in a range that it queried, listed or counted', async (_name, interfere, expected) => {
    for (const [id, read] of [
      ['queried', byGroup('rows')],
      ['counted', byGroup('page', { limit: 1, out_total: 'rows' })],
      ['listed', { op: 'kv.list', args: { doc: 'item', out: 'rows' } }],
    ] as const) {
      const { send, gate: on, ...registry } = await open([
        route(id, [begin, read, gate('read'), { op: 'emit.event', args: { type: 'written', payload: { id: 'x' } } }, commit, reply('$rows')]),
      ]);
      await write({ send, ...registry }, 'old', { group: 'g', rank: 1 });
      on.on('read', (time) => time === 1 && interfere(send));
      const { json } = await send('POST', `/${id}`);
      expect(on.count('read')).toBe(2);
      if (id !== 'listed') expect(id === 'counted' ? json : json.length).toBe(expected);
    }
  });

  it('notices that what was absent has come', async () => {
    const { send, gate: on } = await open([
      route('claim', [
        begin,
        get('seat', 'taken'),
        gate('read'),
        { op: 'respond.error', when: { is_not_null: '$taken' }, args: { status: 409, code: 'ALREADY_EXISTS' } },
        put('seat', { by: 'me' }),
        commit,
        reply({ ok: true }, 201),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/seat', { body: { by: 'them' } }));
    expect((await send('POST', '/claim')).status).toBe(409);
    expect((await send('GET', '/items/seat')).json).toEqual({ by: 'them' });
  });

  it('runs again with the variables as they were at the begin', async () => {
    const { send, gate: on } = await open([
      route('again', [
        { op: 'set', args: { n: 1 } },
        begin,
        get('k', 'k'),
        { op: 'set', args: { n: '{% $n + 1 %}', seen: '$k' } },
        gate('read'),
        put('mine', { n: '$n' }),
        commit,
        reply({ n: '$n', seen: '$seen' }),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/k', { body: { v: 1 } }));
    expect((await send('POST', '/again')).json).toEqual({ n: 2, seen: { v: 1 } });
  });

  it('runs a once-step in the first attempt only and keeps what it bound', async () => {
    const { send, gate: on } = await open([
      route('once', [
        begin,
        { op: 'time.now_iso8601', args: { out: 'now' } },
        { op: 'parse.json', args: { out: 'body' } },
        get('k', 'k'),
        gate('read'),
        put('copy', { body: '$body', now: '$now', k: '$k' }),
        commit,
        reply({ now: '$now' }),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/k', { body: { v: 1 } }));
    const { json, status } = await send('POST', '/once', { body: { a: 1 } });
    expect(status).toBe(200);
    expect((await send('GET', '/items/copy')).json).toEqual({ body: { a: 1 }, now: json.now, k: { v: 1 } });
    expect(on.count('read')).toBe(2);
  });

  it('keeps the failure of a once-step too', async () => {
    const { send, gate: on } = await open([
      route('once', [
        begin,
        get('k', 'k'),
        { op: 'parse.json', args: { out: 'body' }, catch: { JSON_INVALID: [{ op: 'set', args: { body: 'broken' } }] } },
        gate('read'),
        put('copy', { body: '$body' }),
        commit,
        reply('$body'),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/k', { body: { v: 1 } }));
    expect((await send('POST', '/once', { body: '{' })).json).toBe('broken');
  });

  it('lets deferred effects wait for the commit, once, and drops them with the transaction', async () => {
    const cachePut = { op: 'cache.put', args: { kind: 'x', key: 'k', value: '$item', ttl_seconds: 60 } };
    const { send, gate: on } = await open([
      route('keep', [begin, get('k', 'item'), cachePut, gate('read'), put('mine', { a: 1 }), commit, reply('$item')]),
      route('drop', [begin, { op: 'set', args: { item: { bad: true } } }, cachePut, { op: 'txn.abort', args: {} }, reply({ ok: true })]),
      route('look', [{ op: 'cache.get', args: { kind: 'x', key: 'k', hit_out: 'hit', value_out: 'value' } }, reply({ hit: '$hit', value: '$value' })], 'GET'),
    ]);
    await send('POST', '/drop');
    expect((await send('GET', '/look')).json).toEqual({ hit: false, value: null });
    on.on('read', async (time) => {
      if (time !== 1) return;
      expect((await send('GET', '/look')).json.hit).toBe(false);
      await send('PUT', '/items/k', { body: { v: 1 } });
    });
    await send('POST', '/keep');
    expect(on.count('read')).toBe(2);
  });

  it('proves a response before the commit: a 404 is as true as a 201', async () => {
    const { send, gate: on } = await open([
      route('find', [begin, get('late', 'item'), gate('read'), notFound('item'), put('found', { ok: true }), commit, reply('$item')]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/late', { body: { here: true } }));
    const { status, json } = await send('POST', '/find');
    expect([status, json]).toEqual([200, { here: true }]);
  });

  it('proves an error before it leaves', async () => {
    const { send, gate: on, ...registry } = await open([
      route('claim', [
        begin,
        get('seat', 'before'),
        gate('read'),
        { op: 'kv.cas_put', args: { doc: 'item', key: { id: 'seat' }, if_absent: true, value: { by: 'me' } } },
        commit,
        reply({ ok: true }, 201),
      ]),
    ]);
    await write({ send, ...registry }, 'seat', { by: 'them' });
    on.on('read', (time) => time === 1 && send('DELETE', '/items/seat'));
    expect((await send('POST', '/claim')).status).toBe(201);
    expect((await send('POST', '/claim')).status).toBe(409);
  });

  it('drops the buffer on a response, an abort and an error', async () => {
    const { send } = await open([
      route('respond', [begin, put('a', { x: 1 }), { op: 'respond.empty', when: { is_not_null: '$request.method' }, args: {} }, commit, reply(null)]),
      route('abort', [begin, put('b', { x: 1 }), { op: 'txn.abort', args: {} }, reply(null)]),
      route('abort_inside', [
        begin,
        put('c', { x: 1 }),
        { op: 'flow.if', args: { test: { equals: ['$request.method', 'POST'] }, then: [{ op: 'txn.abort', args: {} }, reply({ aborted: true })] } },
        commit,
        reply(null),
      ]),
      route('fail', [begin, put('d', { x: 1 }), { op: 'respond.error', args: { code: 'TEAPOT', status: 418 } }, commit, reply(null)]),
    ]);
    for (const [id, status] of [['respond', 204], ['abort', 200], ['abort_inside', 200], ['fail', 418]] as const) {
      expect((await send('POST', `/${id}`)).status).toBe(status);
    }
    for (const id of ['a', 'b', 'c', 'd']) expect((await send('GET', `/items/${id}`)).status).toBe(404);
  });

  it('gives turns: 100 writers of one record all succeed', async () => {
    const { send, ...registry } = await open([
      route('increment', [begin, get('n', 'item'), gate('read'), put('n', { value: '{% item.value + 1 %}' }), commit, reply({ ok: true })]),
    ]);
    await write({ send, ...registry }, 'n', { value: 0 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => send('POST', '/increment')));
    expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set(['{"ok":true}']));
    expect((await send('GET', '/items/n')).json).toEqual({ value: 100 });
  });

  it('gives up after its time with CONFLICT, 503 and Retry-After', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const clock: Clock = {
      now: () => now,
      sleep: async (ms, signal) => {
        // The sweeper sleeps long, and until the registry closes; a retry pauses for moments.
        if (signal?.aborted) throw signal.reason;
        if (ms > 1000) await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
        now += ms;
      },
    };
    let rival: RecordStore | null = null;
    let version = 0;
    const { send, gate: on } = await open(
      [route('lose', [begin, get('hot', 'item'), gate('read'), put('hot', { mine: true }), commit, reply({ ok: true })])],
      { clock, seams: { wrapRecordStore: (store) => (rival = store) } },
    );
    // Another process, which knows nothing of this one's turns, always gets in between.
    on.on('read', async () => {
      now += 400;
      await rival?.commit({
        id: `rival-${++version}`,
        checks: [],
        puts: [{ collection: 'item', key: 'item/hot', value: `{"rival":${version}}`, expiresAt: null, rows: {} }],
        deletes: [],
        events: [],
      });
    });
    const { status, headers, json } = await send('POST', '/lose');
    expect([status, headers['retry-after'], json.error.code]).toEqual([503, '1', 'CONFLICT']);
    expect(on.count('read')).toBeGreaterThan(5);
    expect((await send('GET', '/items/hot')).json).toEqual({ rival: version });
  });

  it.each(['before', 'after'])('settles a commit whose connection broke %s it arrived, and does it once', async (when) => {
    let broken = false;
    const breaking = (store: RecordStore): RecordStore => ({
      ...bound(store),
      async commit(asked: Commit) {
        if (broken || !asked.puts.some((put) => put.collection === 'item')) return store.commit(asked);
        broken = true;
        if (when === 'after') await store.commit(asked);
        throw new RegistryError('COMMIT_UNKNOWN');
      },
    });
    const { send, registry } = await open([], { seams: { wrapRecordStore: breaking } });
    expect((await send('PUT', '/items/a', { body: { v: 1 } })).status).toBe(200);
    expect(broken).toBe(true);
    expect((await send('GET', '/items/a')).json).toEqual({ v: 1 });
    expect(await registry.runtime.store('meta').events(0, 10)).toHaveLength(1);
  });

  it('answers a unique key that another record holds with 409', async () => {
    const { send, ...registry } = await open([]);
    expect((await write({ send, ...registry }, 'a', { group: 'g', code: 'X' })).status).toBe(200);
    const second = await write({ send, ...registry }, 'b', { group: 'g', code: 'X' });
    expect([second.status, second.json.error.code]).toEqual([409, 'UNIQUE_VIOLATION']);
    expect((await write({ send, ...registry }, 'a', { group: 'g', code: 'X', again: true })).status).toBe(200);
  });

  it('appends events in the commit that caused them, in commit order', async () => {
    const { send, registry, ...rest } = await open([]);
    for (let n = 0; n < 5; n++) await write({ send, registry, ...rest }, `e${n}`, { n });
    const events = await registry.runtime.store('meta').events(0, 10);
    expect(events.map((event) => JSON.parse(event.payload).id)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    const versions = events.map((event) => event.version);
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  });

  it('refuses a commit that names a blob which is not there, and sweeps what nobody came to name', async () => {
    const { send, registry } = await open([
      route('hold', [
        { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } },
        begin,
        { op: 'kv.put', args: { doc: 'holder', key: { id: 'h' }, value: { digest: '$blob.digest' } } },
        commit,
        reply({ digest: '$blob.digest' }),
      ]),
      route('lose', [
        { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } },
        { op: 'respond.error', args: { code: 'LOST', status: 409, details: { digest: '$blob.digest' } } },
      ]),
      route('name', [
        { op: 'parse.json', args: { out: 'body' } },
        begin,
        { op: 'kv.put', args: { doc: 'holder', key: { id: 'n' }, value: '$body' } },
        commit,
        reply({ ok: true }),
      ]),
    ]);
    const kept = (await send('POST', '/hold', { body: 'kept' })).json.digest;
    const lost = (await send('POST', '/lose', { body: 'lost' })).json.error.details.digest;
    await registry.sweep();
    const blobs = registry.runtime.blobStore('primary');
    expect(await blobs.stat(kept)).toEqual({ digest: kept, size: 4 });
    expect(await blobs.stat(lost)).toBeNull();
    const missing = await send('POST', '/name', { body: { digest: lost } });
    expect([missing.status, missing.json.error.code]).toEqual([422, 'BLOB_MISSING']);
    expect((await send('POST', '/name', { body: { digest: kept } })).status).toBe(200);
  });
});

/** A store's methods as an object, so that single ones can be replaced. */
function bound(store: RecordStore): RecordStore {
  return {
    capabilities: store.capabilities,
    migrate: (...args) => store.migrate(...args),
    get: (...args) => store.get(...args),
    getMany: (...args) => store.getMany(...args),
    list: (...args) => store.list(...args),
    query: (...args) => store.query(...args),
    count: (...args) => store.count(...args),
    commit: (...args) => store.commit(...args),
    outcome: (...args) => store.outcome(...args),
    events: (...args) => store.events(...args),
    sequence: () => store.sequence(),
    watch: (...args) => store.watch(...args),
    sweepExpired: (...args) => store.sweepExpired(...args),
    health: () => store.health(),
    close: () => store.close(),
  };
}

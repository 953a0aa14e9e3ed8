import { describe, expect, it } from 'vitest';
import { ALL_STORE_KINDS, type TestRegistry } from '../support/registry.ts';
import { begin, commit, gate, get, notFound, put, reply, route } from './steps.ts';
import { byGroup, open, write } from './transaction-fixture.ts';

/** language.md, section 4: what a transaction reads and when it runs again. */
describe.each(ALL_STORE_KINDS)('transactions on %s', (kind) => {
  it('shows a transaction its own writes: records, lists, queries, counts', async () => {
    const { send } = await open(kind, [
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
    await write({ send }, 'a', { group: 'g', rank: 1 });
    await write({ send }, 'c', { group: 'g', rank: 3 });
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
    const { send, gate: on } = await open(kind, [route('increment', increment)]);
    await write({ send }, 'n', { value: 0 });
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
    const { send, gate: on } = await open(kind, [leave('x'), leave('y')]);
    await write({ send }, 'x', { on: true });
    await write({ send }, 'y', { on: true });
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
      const { send, gate: on } = await open(kind, [
        route(id, [
          begin,
          read,
          gate('read'),
          { op: 'emit.event', args: { type: 'written', payload: { id: 'x' } } },
          commit,
          reply('$rows'),
        ]),
      ]);
      await write({ send }, 'old', { group: 'g', rank: 1 });
      on.on('read', (time) => time === 1 && interfere(send));
      const { json } = await send('POST', `/${id}`);
      expect(on.count('read')).toBe(2);
      if (id !== 'listed') expect(id === 'counted' ? json : json.length).toBe(expected);
    }
  });

  it('notices that what was absent has come', async () => {
    const { send, gate: on } = await open(kind, [
      route('claim', [
        begin,
        get('seat', 'taken'),
        gate('read'),
        { op: 'respond.error', when: { is_not_null: '$taken' }, args: { status: 409, code: 'ALREADY_EXISTS' } },
        put('seat', { by: 'me' }),
        commit,
        reply({ ok: true }, { status: 201 }),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/seat', { body: { by: 'them' } }));
    expect((await send('POST', '/claim')).status).toBe(409);
    expect((await send('GET', '/items/seat')).json).toEqual({ by: 'them' });
  });

  it('runs again with the variables as they were at the begin', async () => {
    const { send, gate: on } = await open(kind, [
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
    const { send, gate: on } = await open(kind, [
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
    const { send, gate: on } = await open(kind, [
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
    const { send, gate: on } = await open(kind, [
      route('keep', [begin, get('k', 'item'), cachePut, gate('read'), put('mine', { a: 1 }), commit, reply('$item')]),
      route('drop', [
        begin,
        { op: 'set', args: { item: { bad: true } } },
        cachePut,
        { op: 'txn.abort', args: {} },
        reply({ ok: true }),
      ]),
      route(
        'look',
        [
          { op: 'cache.get', args: { kind: 'x', key: 'k', hit_out: 'hit', value_out: 'value' } },
          reply({ hit: '$hit', value: '$value' }),
        ],
        'GET',
      ),
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
    const { send, gate: on } = await open(kind, [
      route('find', [
        begin,
        get('late', 'item'),
        gate('read'),
        notFound('item'),
        put('found', { ok: true }),
        commit,
        reply('$item'),
      ]),
    ]);
    on.on('read', (time) => time === 1 && send('PUT', '/items/late', { body: { here: true } }));
    const { status, json } = await send('POST', '/find');
    expect([status, json]).toEqual([200, { here: true }]);
  });

  it('proves an error before it leaves', async () => {
    const { send, gate: on } = await open(kind, [
      route('claim', [
        begin,
        get('seat', 'before'),
        gate('read'),
        { op: 'kv.cas_put', args: { doc: 'item', key: { id: 'seat' }, if_absent: true, value: { by: 'me' } } },
        commit,
        reply({ ok: true }, { status: 201 }),
      ]),
    ]);
    await write({ send }, 'seat', { by: 'them' });
    on.on('read', (time) => time === 1 && send('DELETE', '/items/seat'));
    expect((await send('POST', '/claim')).status).toBe(201);
    expect((await send('POST', '/claim')).status).toBe(409);
  });

  it('drops the buffer on a response, an abort and an error', async () => {
    const { send } = await open(kind, [
      route('respond', [
        begin,
        put('a', { x: 1 }),
        { op: 'respond.empty', when: { is_not_null: '$request.method' }, args: {} },
        commit,
        reply(null),
      ]),
      route('abort', [begin, put('b', { x: 1 }), { op: 'txn.abort', args: {} }, reply(null)]),
      route('abort_inside', [
        begin,
        put('c', { x: 1 }),
        {
          op: 'flow.if',
          args: {
            test: { equals: ['$request.method', 'POST'] },
            then: [{ op: 'txn.abort', args: {} }, reply({ aborted: true })],
          },
        },
        commit,
        reply(null),
      ]),
      route('fail', [
        begin,
        put('d', { x: 1 }),
        { op: 'respond.error', args: { code: 'TEAPOT', status: 418 } },
        commit,
        reply(null),
      ]),
    ]);
    for (const [id, status] of [
      ['respond', 204],
      ['abort', 200],
      ['abort_inside', 200],
      ['fail', 418],
    ] as const) {
      expect((await send('POST', `/${id}`)).status).toBe(status);
    }
    for (const id of ['a', 'b', 'c', 'd']) expect((await send('GET', `/items/${id}`)).status).toBe(404);
  });
});

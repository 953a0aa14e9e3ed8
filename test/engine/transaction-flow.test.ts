import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/shared/clock.ts';
import {
  ALL_STORE_KINDS,
  openTestRegistry,
  type StoreKind,
  type TestRegistry,
  temporaryFolder,
} from '../support/registry.ts';
import { counter, gates } from './gates.ts';
import {
  begin,
  body,
  commit,
  fail,
  gate,
  get,
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

/** language.md, section 4, together with section 3: flow inside transactions, turns, and who sees what when. */
const PARTS: Parts = {
  indexes: {
    items: {
      source_document: 'item',
      keys: [{ name: 'by_group', fields: ['group'], sort: ['n'] }],
      filter: { is_not_null: '$record.group' },
    },
  },
};
const count = (out: string, extra: object = {}) => ({ op: 'test.count', args: { out }, ...extra });

describe.each(ALL_STORE_KINDS)('flow in transactions on %s', (kind: StoreKind) => {
  async function open(routes: readonly object[], parts: Parts = {}, clock?: Clock) {
    const on = gates();
    const registry = await openTestRegistry(
      registryOf([writeItem, readItem, removeItem, ...routes], { ...PARTS, ...parts }),
      {
        kind,
        operations: [...on.operations, counter()],
        ...(clock === undefined ? {} : { clock }),
      },
    );
    return { ...registry, on };
  }
  /** Makes the first attempt lose: what it read has changed. */
  const interfere = (send: (method: string, target: string, request: object) => Promise<unknown>) => (time: number) =>
    time === 1 && send('PUT', '/items/watched', { body: { v: 1 } });

  it('catches inside, keeps what was written before, and goes on to the commit', async () => {
    const { send } = await open([
      route('claim', [
        begin,
        put('log', { claimed: 'a' }),
        {
          op: 'kv.cas_put',
          args: { doc: 'item', key: { id: 'a' }, value: { by: 'me' }, if_absent: true },
          catch: { ALREADY_EXISTS: [put('log', { refused: '$error.code' })] },
        },
        commit,
        reply({ ok: true }),
      ]),
    ]);
    await send('PUT', '/items/a', { body: { by: 'them' } });
    expect((await send('POST', '/claim')).status).toBe(200);
    expect((await send('GET', '/items/log')).json).toEqual({ refused: 'ALREADY_EXISTS' });
    expect((await send('GET', '/items/a')).json).toEqual({ by: 'them' });
  });

  it('proves a caught error like any read: when it is no longer true, the steps run again', async () => {
    const { send, on } = await open([
      route('claim', [
        begin,
        {
          op: 'kv.cas_put',
          args: { doc: 'item', key: { id: 'a' }, value: { by: 'me' }, if_absent: true },
          catch: { ALREADY_EXISTS: [set({ refused: true })] },
        },
        gate('tried'),
        commit,
        reply({ refused: '$refused' }),
      ]),
    ]);
    await send('PUT', '/items/a', { body: { by: 'them' } });
    on.on('tried', (time) => time === 1 && send('DELETE', '/items/a'));
    expect((await send('POST', '/claim')).json).toEqual({ refused: null });
    expect((await send('GET', '/items/a')).json).toEqual({ by: 'me' });
  });

  it('writes in loops and calls, and all of it or none', async () => {
    const store = {
      inputs: ['id', 'value'],
      outputs: ['id'],
      pipeline: [{ ...fail('BAD', 422), when: { equals: ['$value', 'bad'] } }, put('{id}', { value: '$value' })],
    };
    const { send } = await open(
      [
        route('all', [
          body(),
          begin,
          {
            op: 'flow.each',
            args: {
              in: '$body',
              as: 'entry',
              do: [
                {
                  op: 'flow.call',
                  args: { pipeline: 'store', with: { id: '$entry.key', value: '$entry.value' }, out: 'stored' },
                },
              ],
              collect: { from: '$stored.id', out: 'ids' },
            },
          },
          commit,
          reply('$ids'),
        ]),
      ],
      { pipelines: { store } },
    );
    expect((await send('POST', '/all', { body: { a: 1, b: 2 } })).json).toEqual(['a', 'b']);
    expect((await send('GET', '/items/b')).json).toEqual({ value: 2 });
    expect((await send('POST', '/all', { body: { a: 9, c: 3, d: 'bad' } })).status).toBe(422);
    expect((await send('GET', '/items/a')).json).toEqual({ value: 1 });
    expect((await send('GET', '/items/c')).status).toBe(404);
  });

  it('keeps what once-steps bound, by call and by round, when the steps run again', async () => {
    const stamp = { inputs: [], outputs: ['n'], pipeline: [count('n')] };
    const call = (out: string, extra: object = {}) => ({ op: 'flow.call', args: { pipeline: 'stamp', out }, ...extra });
    const fresh = { when: { is_null: '$watched' } };
    const rounds = {
      op: 'flow.each',
      args: {
        in: ['x', 'y'],
        as: 'i',
        // The first round's step runs in the second attempt only.
        do: [count('n', { when: { any: [{ equals: ['$i', 'y'] }, { is_not_null: '$watched' }] } })],
        collect: { from: '$n', out: 'rounds' },
      },
    };
    const { send, on } = await open(
      [
        route('numbers', [
          begin,
          get('watched', 'watched'),
          // Runs in the first attempt only: what the second call bound must not slide into its place.
          call('first', fresh),
          call('second'),
          rounds,
          put('seen', { second: '$second.n', rounds: '$rounds' }),
          gate('counted'),
          commit,
          reply({ first: '$first', second: '$second.n', rounds: '$rounds' }),
        ]),
      ],
      { pipelines: { stamp } },
    );
    on.on('counted', interfere(send));
    const { json } = await send('POST', '/numbers');
    expect(on.count('counted')).toBe(2);
    // First attempt: 1 and 2 for the calls, 3 for the second round. Second attempt: 4 for the first round.
    expect(json).toEqual({ first: null, second: 2, rounds: [4, 3] });
    expect((await send('GET', '/items/seen')).json).toEqual({ second: 2, rounds: [4, 3] });
  });

  it('reads the body once for all attempts, in a call inside a loop, too', async () => {
    const read = { inputs: [], outputs: ['value'], pipeline: [body('value')] };
    const { send, on } = await open(
      [
        route('read_in_call', [
          begin,
          get('watched', '_watched'),
          { op: 'flow.call', args: { pipeline: 'read', out: 'got' } },
          put('copy', '$got.value'),
          gate('read'),
          commit,
          reply('$got'),
        ]),
      ],
      { pipelines: { read } },
    );
    on.on('read', interfere(send));
    expect((await send('POST', '/read_in_call', { body: { a: 1 } })).json).toEqual({ value: { a: 1 } });
    expect([on.count('read'), (await send('GET', '/items/copy')).json]).toEqual([2, { a: 1 }]);
  });

  it('gives fair turns across ranges: 40 who number themselves by a count all get a number of their own', async () => {
    const total = {
      op: 'index.query',
      args: { index: 'items', by: 'by_group', key: { group: 'g' }, limit: 1, out: '_rows', out_total: 'n' },
    };
    const { send, registry } = await open([
      route('number', [
        begin,
        total,
        gate('counted'),
        put('{request.query.id}', { group: 'g', n: '$n' }),
        commit,
        reply('$n'),
      ]),
    ]);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, id) => send('POST', `/number?id=i${id}`)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(40).fill(200));
    expect(answers.map((answer) => answer.json).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, n) => n),
    );
    expect(registry.runtime.metrics.commitRetries).toBeGreaterThan(0);
  });

  it('bounds the wait for a turn by the time of the transaction: then CONFLICT', async () => {
    let now = Date.parse('2026-01-01T00:00:00.000Z');
    const clock: Clock = {
      now: () => now,
      sleep: async (ms, signal) => {
        if (ms > 1000) await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const change = (id: string) =>
      route(id, [begin, get('hot', 'hot'), gate(id), put('hot', { by: id, after: '$hot' }), commit, reply(id)]);
    const { send, on } = await open([change('holder'), change('waiter')], {}, clock);
    await send('PUT', '/items/hot', { body: { v: 0 } });
    // The holder loses twice, takes its turn, and then is slow.
    let release = () => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    let holding = () => {};
    const held = new Promise<void>((resolve) => {
      holding = resolve;
    });
    on.on('holder', async (time) => {
      if (time <= 2) await send('PUT', '/items/hot', { body: { v: time } });
      else {
        holding();
        await slow;
      }
    });
    const holder = send('POST', '/holder');
    await held;
    // All but 30 ms of the waiter's five seconds are over when it comes to its commit.
    on.on('waiter', () => {
      now += 4970;
    });
    const waiter = await send('POST', '/waiter');
    expect([waiter.status, waiter.json.error.code, waiter.headers['retry-after']]).toEqual([503, 'CONFLICT', '1']);
    release();
    expect((await holder).status).toBe(200);
    expect((await send('GET', '/items/hot')).json).toEqual({ by: 'holder', after: { v: 2 } });
  });
});

describe('a read after a response', () => {
  const COUNTED = [
    writeItem,
    readItem,
    route(
      'cached',
      [
        { op: 'cache.get', args: { kind: 'x', key: 'k', hit_out: 'hit', value_out: 'kept' } },
        { ...reply({ hit: true, value: '$kept' }), when: { equals: ['$hit', true] } },
        get('a', 'item'),
        { op: 'cache.put', args: { kind: 'x', key: 'k', value: '$item', ttl_seconds: 60 } },
        reply({ hit: false, value: '$item' }),
      ],
      'GET',
    ),
  ];

  /** Transactions of others on the same PostgreSQL server empty the cache, too: then the next answer is kept anew. */
  async function expectHit(send: TestRegistry['send'], n: number, kind: StoreKind): Promise<void> {
    const most = kind === 'postgres' ? 20 : 1;
    const answers: unknown[] = [];
    do answers.push((await send('GET', '/cached')).json);
    while (!isDeepStrictEqual(answers.at(-1), { hit: true, value: { n } }) && answers.length < most);
    expect(answers.slice(0, -1)).toEqual(answers.slice(1).map(() => ({ hit: false, value: { n } })));
    expect(answers.at(-1)).toEqual({ hit: true, value: { n } });
  }

  it.each(ALL_STORE_KINDS)('sees the write, on %s', async (kind) => {
    const { send } = await openTestRegistry(registryOf(COUNTED), { kind });
    for (let n = 0; n < 20; n++) {
      await send('PUT', '/items/a', { body: { n } });
      expect((await send('GET', '/items/a')).json).toEqual({ n });
      expect((await send('GET', '/cached')).json).toEqual({ hit: false, value: { n } });
      await expectHit(send, n, kind);
    }
  });

  it('sees it on every process that shares the store, through its cache, too', async () => {
    const data = await temporaryFolder();
    const one = await openTestRegistry(registryOf(COUNTED), { kind: 'sqlite', data });
    const other = await openTestRegistry(registryOf(COUNTED), { kind: 'sqlite', data });
    for (let n = 0; n < 10; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one];
      await writer.send('PUT', '/items/a', { body: { n } });
      expect((await reader.send('GET', '/items/a')).json).toEqual({ n });
      expect((await reader.send('GET', '/cached')).json).toEqual({ hit: false, value: { n } });
      await expectHit(reader.send, n, 'sqlite');
      expect((await writer.send('GET', '/cached')).json.value).toEqual({ n });
    }
  });
});

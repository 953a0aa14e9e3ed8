import { describe, expect, it } from 'vitest';
import { openTestRegistry } from '../support/registry.ts';
import { fail, get, type Parts, registryOf, reply, route, set } from './steps.ts';

/** language.md, sections 1 (scope) and 3 (control), where the engine decides. */
describe('scope', () => {
  async function run(steps: readonly unknown[], target = '/run', parts: Parts = {}) {
    const { send } = await openTestRegistry(registryOf([route('run', steps, 'POST', '/run')], parts), {
      kind: 'memory',
    });
    return send('POST', target);
  }
  const yes = { when: { equals: ['$request.method', 'POST'] } };
  const no = { when: { equals: ['$request.method', 'GET'] } };

  it('is flat: path parameters and bound names are the same kind of thing', async () => {
    const { send } = await openTestRegistry(
      registryOf([
        route('echo', [set({ name: '{name}!' }), reply({ name: '$name', id: '$id' })], 'GET', '/{id}/{name}'),
      ]),
      { kind: 'memory' },
    );
    expect((await send('GET', '/7/x')).json).toEqual({ name: 'x!', id: '7' });
  });

  it('gives a name null after a step that was left out, and keeps what it had before', async () => {
    const { json } = await run([
      set({ kept: 'old' }),
      set({ kept: 'new', fresh: 'new' }, no),
      set({ made: 'new' }, yes),
      reply({ kept: '$kept', fresh: '$fresh', made: '$made' }),
    ]);
    expect(json).toEqual({ kept: 'old', fresh: null, made: 'new' });
  });

  it('reads all of a `set` before it binds any of it', async () => {
    const { json } = await run([set({ a: 1, b: 2 }), set({ a: '$b', b: '$a' }), reply(['$a', '$b'])]);
    expect(json).toEqual([2, 1]);
  });

  it('leaves a literal untouched, and what a client sent', async () => {
    const { json } = await run(
      [
        reply({
          literal: { $literal: { a: '{name}', b: '$name' } },
          sent: '$request.query.q',
          text: 'q={request.query.q}',
        }),
      ],
      '/run?q=%7Bname%7D%24name%7B%25%201%20%25%7D',
    );
    const sent = '{name}$name{% 1 %}';
    expect(json).toEqual({ literal: { a: '{name}', b: '$name' }, sent, text: `q=${sent}` });
  });

  it('fails with VALUE_MISSING on null in a text, where it is not optional', async () => {
    const missing = await run([set({ none: null }), reply('a{none}b')]);
    expect([missing.status, missing.json.error.code]).toEqual([400, 'VALUE_MISSING']);
    expect((await run([set({ none: null }), reply('a{none?}b')])).json).toBe('ab');
    expect((await run([set({ none: null }), reply({ whole: '{none}' })])).json).toEqual({ whole: null });
  });

  it('shows the roots as they are for this request', async () => {
    const { send } = await openTestRegistry(
      registryOf(
        [
          {
            ...route('roots', [
              reply({
                method: '$request.method',
                path: '$request.path',
                url: '$request.url',
                base: '$request.base_url',
                ip: '$request.ip',
                query: '$request.query.a',
                header: "$request.headers['x-one']",
                sub: '$principal.sub',
                scopes: '$principal.scopes',
                tags: '$route.tags',
                env: '$env.WORD',
                unset: '$env.UNSET',
              }),
            ]),
            tags: ['t'],
            path: '/roots/{name}',
          },
        ],
        { env: ['WORD', 'UNSET'], auth: { anonymous: { scopes: ['read'] }, scopes: [{ name: 'read', actions: [] }] } },
      ),
      { kind: 'memory', env: { WORD: 'w', HIDDEN: 'h' } },
    );
    const { json } = await send('POST', '/roots/%C3%A9?a=1&a=2', { headers: { 'X-One': '1' } });
    expect(json).toEqual({
      method: 'POST',
      path: '/roots/é',
      url: 'http://registry.test/roots/%C3%A9?a=1&a=2',
      base: 'http://registry.test',
      ip: '127.0.0.1',
      query: '1',
      header: '1',
      sub: null,
      scopes: ['read'],
      tags: ['t'],
      env: 'w',
      unset: null,
    });
  });

  it('has members of its own only: nothing of an object is inherited', async () => {
    const { json } = await run([
      set({ o: { a: 1 } }),
      reply({ a: '$o.a', b: '$o.constructor', c: '$request.query.__proto__', d: '$o.toString.name' }),
    ]);
    expect(json).toEqual({ a: 1, b: null, c: null, d: null });
  });

  it('is not loaded with a way that ends without a response', async () => {
    await expect(run([{ ...reply(1), ...no }])).rejects.toThrow('PIPELINE_NO_RESPONSE');
  });

  it('takes the first response and runs nothing after it', async () => {
    const { json } = await run([{ ...reply('first'), ...yes }, fail('NEVER', 500), reply('second')]);
    expect(json).toBe('first');
  });

  it('takes a `when` inside the arguments, too', async () => {
    const { json } = await run([
      { op: 'respond.json', args: { body: 'wrong', ...no } },
      { op: 'respond.json', args: { body: 'right', ...yes } },
      reply('late'),
    ]);
    expect(json).toBe('right');
  });

  it('does not evaluate the arguments of a step that is left out', async () => {
    const { json } = await run([set({ none: null }), { ...set({ _x: 'a{none}' }), ...no }, reply('fine')]);
    expect(json).toBe('fine');
  });

  describe('flow.each', () => {
    const each = (args: object) => ({ op: 'flow.each', args });

    it('keeps the names bound inside to itself, and each round begins without them', async () => {
      const { json } = await run([
        set({ n: 0, word: 'outer' }),
        each({
          in: [1, 2, 3],
          as: 'item',
          do: [set({ inner: 'x{item}' }, { when: { equals: ['$item', 2] } }), set({ word: '{word}-{item}' })],
          collect: { from: { item: '$item', inner: '$inner', word: '$word' }, out: 'rounds' },
        }),
        reply({ rounds: '$rounds', word: '$word', n: '$n' }),
      ]);
      expect(json).toEqual({
        rounds: [
          { item: 1, inner: null, word: 'outer-1' },
          { item: 2, inner: 'x2', word: 'outer-2' },
          { item: 3, inner: null, word: 'outer-3' },
        ],
        word: 'outer',
        n: 0,
      });
    });

    it('goes over objects by entry, in their order, and over null not at all', async () => {
      const { json } = await run([
        set({ object: { b: 1, a: 2 }, none: null }),
        each({ in: '$object', as: 'e', do: [], collect: { from: '{e.key}={e.value}', out: 'entries' } }),
        each({ in: '$none', as: 'e', do: [], collect: { from: '$e', out: 'nothing' } }),
        reply({ entries: '$entries', nothing: '$nothing' }),
      ]);
      expect(json).toEqual({ entries: ['b=1', 'a=2'], nothing: [] });
    });

    it('loops inside a loop, each with names of its own', async () => {
      const { json } = await run([
        each({
          in: ['a', 'b'],
          as: 'x',
          do: [
            each({
              in: [1, 2],
              as: 'y',
              do: [set({ both: '{x}{y}' })],
              collect: { from: '$both', out: 'row' },
            }),
          ],
          collect: { from: '$row', out: 'rows' },
        }),
        reply('$rows'),
      ]);
      expect(json).toEqual([
        ['a1', 'a2'],
        ['b1', 'b2'],
      ]);
    });

    it('awaits expressions inside, in `in` and in `collect`, and keeps lists lists', async () => {
      const { json } = await run([
        set({ items: [[1]] }),
        each({
          in: '{% $append(items, [[2, 3]]) %}',
          as: 'i',
          do: [set({ sum: '{% $sum(i) %}' })],
          collect: { from: '{% [sum] %}', out: 'sums' },
        }),
        reply('$sums'),
      ]);
      expect(json).toEqual([[1], [5]]);
    });

    it('ends with a response from inside', async () => {
      const { json } = await run([
        each({ in: [1, 2, 3], as: 'i', do: [{ ...reply('at {i}'), when: { equals: ['$i', 2] } }] }),
        reply('none'),
      ]);
      expect(json).toBe('at 2');
    });

    it('is bounded by max_items', async () => {
      const over = await run([each({ in: [1, 2, 3], as: '_i', do: [], max_items: 2 }), reply('no')]);
      expect([over.status, over.json.error.code]).toEqual([422, 'ITEMS_LIMIT']);
    });
  });

  describe('flow.call', () => {
    const call = (pipeline: string, args: object) => ({ op: 'flow.call', args: { pipeline, ...args } });
    const pipelines = (definitions: object) => ({ pipelines: definitions });

    it('has a scope of its own, takes its inputs and gives back its outputs', async () => {
      const { json } = await run(
        [
          set({ n: 1, hidden: 'outer', outer: 'seen' }),
          call('add', { with: { n: '$n', absent: null }, out: 'result' }),
          reply({ result: '$result', n: '$n', hidden: '$hidden' }),
        ],
        '/run',
        pipelines({
          add: {
            inputs: ['n', 'absent', 'outer'],
            outputs: ['sum', 'absent', 'outer'],
            pipeline: [set({ hidden: 'inner', sum: '{% n + 1 %}', n: 99 })],
          },
        }),
      );
      expect(json).toEqual({ result: { sum: 2, absent: null, outer: 'seen' }, n: 1, hidden: 'outer' });
    });

    it('begins each call with unbound names', async () => {
      const { json } = await run(
        [
          call('once', { with: { first: true }, out: 'a' }),
          call('once', { with: { first: false }, out: 'b' }),
          reply(['$a', '$b']),
        ],
        '/run',
        pipelines({
          once: {
            inputs: ['first'],
            outputs: ['x'],
            pipeline: [set({ x: 'set' }, { when: { equals: ['$first', true] } })],
          },
        }),
      );
      expect(json).toEqual([{ x: 'set' }, { x: null }]);
    });

    it('binds each output under its name without `out`, and a response inside ends the request', async () => {
      const parts = pipelines({
        require: {
          inputs: ['id'],
          outputs: ['item'],
          pipeline: [get('{id}', 'item'), { ...fail('GONE', 410), when: { is_null: '$item' } }],
        },
        answer: { inputs: [], outputs: [], pipeline: [reply('from inside')] },
      });
      expect((await run([call('require', { with: { id: 'x' } }), reply('$item')], '/run', parts)).status).toBe(410);
      expect((await run([call('answer', {})], '/run', parts)).json).toBe('from inside');
    });
  });
});

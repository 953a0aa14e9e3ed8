import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, STORE_KINDS } from '../support/registry.ts';
import { gates } from './gates.ts';
import {
  ask,
  begin,
  body,
  commit,
  fail,
  gate,
  get,
  put,
  readItem,
  registryOf,
  reply,
  route,
  set,
  writeItem,
} from './steps.ts';

/** language.md, section 8: each limit with its own code. */
async function open(limits: object, routes: readonly object[], on = gates()) {
  const registry = await openTestRegistry(registryOf([writeItem, readItem, ...routes], { limits }), {
    kind: 'memory',
    operations: on.operations,
  });
  const codeOf = async (method: string, target: string, request: object = {}) => {
    const { status, json } = await registry.send(method, target, request);
    return status < 300 ? status : `${status} ${json.error.code}`;
  };
  return { ...registry, codeOf };
}

describe('limits of what is sent', () => {
  const echo = route('echo', [body(), reply('$body')]);
  const keep = route('keep', [
    { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'b' } },
    reply('$b.size'),
  ]);

  it('BODY_TOO_LARGE: declared, or counted while it comes; the connection is not used again', async () => {
    const { registry } = await open({ max_request_body_bytes: 10 }, [echo, keep]);
    for (const path of ['/echo', '/keep']) {
      for (const asked of [{ body: '"12345678901"', contentLength: 13 }, { body: '"12345678901"' }]) {
        const { status, bytes, closeConnection } = await ask(registry, 'POST', path, asked);
        expect([status, JSON.parse(bytes.toString()).error.code, closeConnection]).toEqual([
          413,
          'BODY_TOO_LARGE',
          true,
        ]);
      }
    }
    const whole = await ask(registry, 'POST', '/keep', { body: '1234567890' });
    expect([whole.status, whole.closeConnection]).toEqual([200, false]);
  });

  it('BODY_TOO_LARGE: stops reading, however much would still come', async () => {
    const { registry } = await open({ max_request_body_bytes: 1000 }, [keep]);
    let sent = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          sent += 100;
          yield Buffer.alloc(100);
        }
      })(),
      { objectMode: false },
    );
    expect((await ask(registry, 'POST', '/keep', { body: endless })).status).toBe(413);
    expect(endless.destroyed).toBe(true);
    expect(sent).toBeLessThan(1_000_000);
  });

  it('JSON_TOO_LARGE: of a body that becomes a value, declared or counted', async () => {
    const { codeOf } = await open({ max_json_bytes: 10 }, [echo, keep]);
    expect(await codeOf('POST', '/echo', { body: '"12345678"' })).toBe(200);
    expect(await codeOf('POST', '/echo', { body: '"123456789"' })).toBe('413 JSON_TOO_LARGE');
    expect(await codeOf('POST', '/echo', { body: '"123456789"', chunked: true })).toBe('413 JSON_TOO_LARGE');
    // Bytes that stay bytes are no JSON.
    expect(await codeOf('POST', '/keep', { body: '"123456789"' })).toBe(200);
  });

  it('JSON_TOO_DEEP', async () => {
    const { codeOf } = await open({ max_json_depth: 3 }, [echo]);
    expect(await codeOf('POST', '/echo', { body: '[[{"a":"[[[["}]]' })).toBe(200);
    expect(await codeOf('POST', '/echo', { body: '[[{"a":[]}]]' })).toBe('400 JSON_TOO_DEEP');
    expect(await codeOf('POST', '/echo', { body: '['.repeat(100_000) })).toBe('400 JSON_TOO_DEEP');
  });

  it('DOCUMENT_TOO_LARGE: in bytes, not in characters', async () => {
    const { codeOf } = await open({ max_kv_value_bytes: 20 }, []);
    expect(await codeOf('PUT', '/items/a', { body: { a: '12345678901' } })).toBe(200);
    expect(await codeOf('PUT', '/items/a', { body: { a: '1234567890123' } })).toBe('413 DOCUMENT_TOO_LARGE');
    expect(await codeOf('PUT', '/items/a', { body: { a: 'éééééé1' } })).toBe('413 DOCUMENT_TOO_LARGE');
  });

  it('URI_TOO_LONG and BAD_PATH', async () => {
    const { codeOf } = await open({}, []);
    expect(await codeOf('GET', `/items/${'a'.repeat(9000)}`)).toBe('414 URI_TOO_LONG');
    expect(await codeOf('GET', '/items/a/'.repeat(200))).toBe('414 URI_TOO_LONG');
    for (const path of [
      '/items/..',
      '/items/%2e%2e',
      '/items/a%00',
      '/items/a\\b',
      '/items/%5c',
      '/items/%ff',
      '/items//a',
    ]) {
      expect(await codeOf('GET', path), path).toBe('400 BAD_PATH');
    }
  });

  it('operations per pipeline: at load', async () => {
    const steps = [
      set({ a: 1 }),
      { op: 'flow.if', args: { test: { equals: ['$a', 1] }, then: [set({ _b: 1 })] } },
      reply('$a'),
    ];
    await expect(open({ max_pipeline_ops: 3 }, [route('long', steps)])).rejects.toThrow('PIPELINE_TOO_LONG');
  });
});

describe('limits of what is done', () => {
  const each = (items: string, steps: readonly unknown[]) => ({
    op: 'flow.each',
    args: { in: items, as: 'i', do: steps, max_items: 100_000 },
  });
  const numbers = (count: number) => set({ items: `{% [1..${count}] %}` });

  it.each(STORE_KINDS)(
    'IO_LIMIT: each operation of a store counts, inside a transaction and outside (%s)',
    async (kind) => {
      const reads = (count: number) => [numbers(count), each('$items', [get('{i}', '_item')])];
      const { send } = await openTestRegistry(
        registryOf(
          [
            readItem,
            route('few', [...reads(10), reply('fine')]),
            route('many', [...reads(11), reply('no')]),
            route('inside', [
              numbers(11),
              begin,
              put('written', {}),
              each('$items', [get('{i}', '_item')]),
              commit,
              reply('no'),
            ]),
          ],
          { limits: { max_io_ops_per_request: 10 } },
        ),
        { kind },
      );
      expect((await send('POST', '/few')).status).toBe(200);
      for (const path of ['/many', '/inside']) {
        const { status, json } = await send('POST', path);
        expect([status, json.error.code]).toEqual([503, 'IO_LIMIT']);
      }
      expect((await send('GET', '/items/written')).status).toBe(404);
    },
  );

  it('CPU_LIMIT: of steps that never wait', async () => {
    const { codeOf } = await open({ max_cpu_ms_per_request: 20 }, [
      route('long', [
        set({ items: '{% [1..100000] %}' }),
        each('$items', [set({ a: 'x{i}', b: { c: '$i' } }), set({ _d: '{a}{b.c}' })]),
        each('$items', [set({ a: 'x{i}', b: { c: '$i' } }), set({ _d: '{a}{b.c}' })]),
        reply('no'),
      ]),
      route('short', [set({ items: [1, 2] }), each('$items', [set({ _a: 'x{i}' })]), reply('fine')]),
    ]);
    expect(await codeOf('POST', '/long')).toBe('503 CPU_LIMIT');
    expect(await codeOf('POST', '/short')).toBe(200);
  });

  it('CPU_LIMIT: of expressions, which the engine awaits but which wait for nothing', async () => {
    const { codeOf } = await open({ max_cpu_ms_per_request: 50 }, [
      route('sums', [
        numbers(2000),
        each('$items', [set({ _sum: '{% $sum($map([1..100], function($n) { $n * 2 })) %}' })]),
        reply('no'),
      ]),
      route('collected', [
        numbers(2000),
        {
          op: 'flow.each',
          args: {
            in: '$items',
            as: 'i',
            do: [],
            max_items: 2000,
            collect: { from: '{% $sum($map([1..100], function($n) { $n * i })) %}', out: 'sums' },
          },
        },
        reply('$sums'),
      ]),
    ]);
    const start = performance.now();
    expect(await codeOf('POST', '/sums')).toBe('503 CPU_LIMIT');
    expect(await codeOf('POST', '/collected')).toBe('503 CPU_LIMIT');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('does not count waiting as computing', async () => {
    const on = gates();
    const { codeOf } = await open(
      { max_cpu_ms_per_request: 300 },
      [route('wait', [gate('a'), gate('b'), set({ _x: 1 }), reply('fine')])],
      on,
    );
    on.on('a', () => sleep(250));
    on.on('b', () => sleep(250));
    expect(await codeOf('POST', '/wait')).toBe(200);
  });

  it('does not count as computing what the thread stood still, as on a machine whose processors others have', async () => {
    const on = gates();
    const steps = [gate('a'), set({ _x: 1 }), gate('b'), set({ _y: 1 }), reply('fine')];
    const { codeOf } = await open({ max_cpu_ms_per_request: 100 }, [route('stopped', steps)], on);
    const still = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    on.on('a', still);
    on.on('b', still);
    expect(await codeOf('POST', '/stopped')).toBe(200);
    on.on('b', () => {
      const { user } = process.threadCpuUsage();
      while (process.threadCpuUsage().user - user < 150_000);
    });
    expect(await codeOf('POST', '/stopped')).toBe('503 CPU_LIMIT');
  });

  it('cannot be caught away: what goes on after is stopped at once', async () => {
    const { codeOf } = await open({ max_io_ops_per_request: 1 }, [
      route('stubborn', [
        get('a', '_a'),
        { ...get('b', '_b'), catch: { '*': [set({ _c: 1 })] } },
        get('c', '_d'),
        reply('no'),
      ]),
      route('polite', [
        get('a', '_a'),
        { ...get('b', '_b'), catch: { IO_LIMIT: [fail('SLOW_DOWN', 429)] } },
        reply('no'),
      ]),
    ]);
    expect(await codeOf('POST', '/stubborn')).toBe('503 IO_LIMIT');
    expect(await codeOf('POST', '/polite')).toBe('429 SLOW_DOWN');
  });
});

import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { Commit, RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { ALL_STORE_KINDS, STORE_KINDS } from '../support/registry.ts';
import { begin, commit, gate, get, put, reply, route } from './steps.ts';
import { open, write } from './transaction-fixture.ts';

/** language.md, section 4: how a transaction gets through, and what its commit does. */
describe.each(ALL_STORE_KINDS)('commits on %s', (kind) => {
  it('gives turns: all of many writers of one record succeed', async () => {
    // PGlite computes what a server would, on the core of this test: a hundred writers take it close to the time that a transaction has.
    const writers = kind === 'pglite' ? 25 : 100;
    const { send } = await open(kind, [
      route('increment', [
        begin,
        get('n', 'item'),
        gate('read'),
        put('n', { value: '{% item.value + 1 %}' }),
        commit,
        reply({ ok: true }),
      ]),
    ]);
    await write({ send }, 'n', { value: 0 });
    const answers = await Promise.all(Array.from({ length: writers }, () => send('POST', '/increment')));
    expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set(['{"ok":true}']));
    expect((await send('GET', '/items/n')).json).toEqual({ value: writers });
  });

  // The rival's commit must be through when the gate lets go, which only stores that answer at once can see to.
  it.runIf(STORE_KINDS.includes(kind))('gives up after its time with CONFLICT, 503 and Retry-After', async () => {
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
      kind,
      [
        route('lose', [
          begin,
          get('hot', 'item'),
          gate('read'),
          put('hot', { mine: true }),
          commit,
          reply({ ok: true }),
        ]),
      ],
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

  it.each(['before', 'after'])(
    'settles a commit whose connection broke %s it arrived, and does it once',
    async (when) => {
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
      const { send, registry } = await open(kind, [], { seams: { wrapRecordStore: breaking } });
      expect((await send('PUT', '/items/a', { body: { v: 1 } })).status).toBe(200);
      expect(broken).toBe(true);
      expect((await send('GET', '/items/a')).json).toEqual({ v: 1 });
      expect(await registry.runtime.store('meta').events(0, 10)).toHaveLength(1);
    },
  );

  it('answers a unique key that another record holds with 409', async () => {
    const { send } = await open(kind, []);
    expect((await write({ send }, 'a', { group: 'g', code: 'X' })).status).toBe(200);
    const second = await write({ send }, 'b', { group: 'g', code: 'X' });
    expect([second.status, second.json.error.code]).toEqual([409, 'UNIQUE_VIOLATION']);
    expect((await write({ send }, 'a', { group: 'g', code: 'X', again: true })).status).toBe(200);
  });

  it('appends events in the commit that caused them, in commit order', async () => {
    const { send, registry } = await open(kind, []);
    for (let n = 0; n < 5; n++) await write({ send }, `e${n}`, { n });
    const events = await registry.runtime.store('meta').events(0, 10);
    expect(events.map((event) => JSON.parse(event.payload).id)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    const versions = events.map((event) => event.version);
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  });

  it('refuses a commit that names a blob which is not there, and sweeps what nobody came to name', async () => {
    const { send, registry } = await open(kind, [
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
    dump: () => store.dump(),
    load: (...args) => store.load(...args),
    loadMark: () => store.loadMark(),
    health: () => store.health(),
    close: () => store.close(),
  };
}

import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DumpedRecord, LoadBatch, RecordDump, RecordLoad } from '../../src/ports/record-dump.ts';
import type { NewEvent, RecordStore, StoredEvent } from '../../src/ports/record-store.ts';
import { commitOf, ITEMS, item, itemQuery, itemRow, keysOf, PLAIN, type RecordSuite, write } from './record-fixture.ts';

interface Dumped {
  readonly sequence: number;
  readonly records: Readonly<Record<string, readonly DumpedRecord[]>>;
  readonly events: readonly StoredEvent[];
}

const LOAD = { origin: 'the test', at: '2026-01-02T03:04:05.006Z', replace: false };
const NOTHING: LoadBatch = { puts: [], deletes: [], events: [] };

export function recordDumpSuite(suite: RecordSuite, { shared }: { readonly shared: boolean }): void {
  const event = (id: string): NewEvent => ({ id, type: 't', at: LOAD.at, payload: `{"id":"${id}"}` });
  const named = (store: RecordStore, name: string) =>
    store.query(itemQuery({ where: [{ column: 'name', op: 'eq', value: name }] }));

  /** A life of a store: several versions, deletes, what expires, two collections, events that share a commit. */
  async function live(store: RecordStore): Promise<void> {
    const soon = suite.clock.now() + 1000;
    await write(store, { puts: [item('b'), item('a'), item('gone')], events: [event('1'), event('2')] });
    await write(store, {
      puts: [{ ...item('é 😀'), value: ' {"as" : "written",\n"n":1.0} ' }, item('soon', {}, soon)],
    });
    await write(store, { puts: [{ ...item('a'), collection: PLAIN.name, rows: {} }], events: [event('3')] });
    await write(store, { puts: [{ ...item('a'), value: '"new"' }], deletes: [{ collection: 'items', key: 'gone' }] });
    await write(store, { deletes: [{ collection: 'items', key: 'never' }], events: [event('4')] });
  }

  describe('dump', () => {
    it('has nothing of a new store', async () => {
      expect(contentOf(await dumpOf(suite.store))).toEqual({ records: {}, events: [] });
      const { store } = await suite.elsewhere();
      expect(contentOf(await dumpOf(store))).toEqual({ records: {}, events: [] });
    });

    it('has every record with value, version and time, in byte order, and the log', async () => {
      const { store, clock } = suite;
      await live(store);
      const soon = clock.now() + 1000;
      clock.advance(5000);
      const { sequence, records, events } = await dumpOf(store);
      expect(Object.keys(records)).toEqual([ITEMS.name, PLAIN.name].toSorted(byBytes));
      expect(sequence).toBeGreaterThanOrEqual(Math.max(...events.map(({ version }) => version)));
      const { version: newest } = (await store.get('items', 'a')) ?? { version: 0 };
      const [first, second] = [events[0]?.version ?? 0, (await store.get('items', 'é 😀'))?.version ?? 0];
      expect(records.items).toEqual([
        { key: 'a', value: '"new"', version: newest, expiresAt: null },
        { key: 'b', value: '{"key":"b"}', version: first, expiresAt: null },
        { key: 'soon', value: '{"key":"soon"}', version: second, expiresAt: soon },
        { key: 'é 😀', value: ' {"as" : "written",\n"n":1.0} ', version: second, expiresAt: null },
      ]);
      expect(events).toEqual(await store.events(0, 100));
      expect(events.map(({ id }) => id)).toEqual(['1', '2', '3', '4']);
    });

    it('comes in batches, and counts what comes', async () => {
      const { store } = suite;
      const keys = Array.from({ length: 2345 }, (_, place) => `k${String(place).padStart(4, '0')}`);
      const large = 'x'.repeat(1_000_000);
      await write(store, { puts: keys.map((key) => item(key)), events: keys.map(event) });
      for (const key of ['x1', 'x2', 'x3', 'x4', 'x5', 'x6'])
        await write(store, { puts: [{ ...item(key), value: JSON.stringify(large) }] });
      const dump = await store.dump();
      expect(dump.collections).toEqual([{ name: 'items', records: 2351 }]);
      expect(dump.events).toBe(2345);
      const seen: string[] = [];
      for await (const batch of dump.records('items')) {
        seen.push(...batch.map(({ key }) => key));
        expect(batch.reduce((sum, { value }) => sum + value.length, 0)).toBeLessThan(6_000_000);
        expect(batch.length).toBeLessThanOrEqual(1000);
      }
      expect(seen).toEqual([...keys, 'x1', 'x2', 'x3', 'x4', 'x5', 'x6']);
      const ids: string[] = [];
      for await (const batch of dump.log()) ids.push(...batch.map(({ id }) => id));
      expect(ids).toEqual(keys);
      await dump.close();
      await dump.close();
    });

    it('that nobody closed ends with its store', async () => {
      const { store } = await suite.elsewhere();
      await store.migrate([ITEMS], () => ({}));
      await write(store, { puts: [item('a')] });
      await store.dump();
      await store.close();
      expect(() => store.dump()).toThrow(expect.objectContaining({ code: 'CLOSING' }));
    });

    it('shows one moment while commits go on', async () => {
      const { store } = suite;
      const accounts = Array.from({ length: 1500 }, (_, place) => `account ${String(place).padStart(4, '0')}`);
      const put = (key: string, amount: number) => ({ ...item(key), value: String(amount) });
      await write(store, { puts: accounts.map((key) => put(key, 10)) });
      // Money moves from the front to the back and back: two moments mixed up show too much or too little.
      const amounts = new Map(accounts.map((key) => [key, 10]));
      const move = async (round: number) => {
        const [from = '', to = ''] = [accounts[round % 700], accounts[1499 - (round % 700)]].toSorted(
          () => (round % 2) - 0.5,
        );
        amounts.set(from, (amounts.get(from) ?? 0) - 1);
        amounts.set(to, (amounts.get(to) ?? 0) + 1);
        await write(store, {
          puts: [put(from, amounts.get(from) ?? 0), put(to, amounts.get(to) ?? 0)],
          events: [event(`moved ${round}`)],
        });
      };
      let going = true;
      let rounds = 0;
      const writing = (async () => {
        for (; going || rounds < 50; rounds++) {
          await move(rounds);
          await setImmediate();
        }
      })();
      while (rounds < 20) await setImmediate();
      const dump = await store.dump();
      const versions: number[] = [];
      let sum = 0;
      for await (const batch of dump.records('items')) {
        for (const { value, version } of batch) {
          sum += Number(value);
          versions.push(version);
        }
        for (let turn = 0; turn < 20; turn++) await setImmediate();
      }
      const log: StoredEvent[] = [];
      for await (const batch of dump.log()) log.push(...batch);
      await dump.close();
      going = false;
      await writing;
      expect(sum).toBe(15_000);
      // The newest commit that is seen is seen in both.
      expect(Math.max(...versions)).toBe(log.at(-1)?.version);
      expect(dump.sequence).toBeGreaterThanOrEqual(Math.max(...versions));
      expect(log).toEqual((await store.events(0, 10_000)).slice(0, log.length));
      const later = (await store.events(log.at(-1)?.position ?? 0, 1))[0];
      expect(later?.version).toBeGreaterThan(dump.sequence);
    });
  });

  describe('load', () => {
    it('makes the store the same, to the version, the time and the position', async () => {
      await live(suite.store);
      const { store } = await suite.elsewhere();
      const wanted = await dumpOf(suite.store);
      await fill(store, wanted);
      await store.migrate([ITEMS, PLAIN], () => ({}));
      expect(contentOf(await dumpOf(store))).toEqual(contentOf(wanted));
      expect(await store.events(0, 100)).toEqual(await suite.store.events(0, 100));
      expect(await store.events(wanted.events[1]?.position ?? 0, 1)).toEqual([wanted.events[2]]);
      for (const key of ['a', 'b', 'soon', 'é 😀', 'gone'])
        expect(await store.get('items', key)).toEqual(await suite.store.get('items', key));
      suite.clock.advance(1000);
      expect(await store.get('items', 'soon')).toBeNull();
      expect(await store.sweepExpired(10)).toBe(1);
    });

    it('gives later commits higher versions and positions', async () => {
      await live(suite.store);
      const { store } = await suite.elsewhere();
      const wanted = await dumpOf(suite.store);
      await fill(store, wanted);
      await store.migrate([ITEMS, PLAIN], () => ({}));
      const before = await store.sequence();
      const version = await write(store, { puts: [item('a')], events: [event('later')] });
      expect(version).toBeGreaterThan(wanted.sequence);
      expect(await store.sequence()).toBeGreaterThan(before);
      const events = await store.events(0, 100);
      expect(events.map(({ id }) => id)).toEqual(['1', '2', '3', '4', 'later']);
      expect(events.at(-1)?.position).toBeGreaterThan(wanted.events.at(-1)?.position ?? 0);
      const dump = await store.dump();
      expect(dump.sequence).toBeGreaterThanOrEqual(version);
      await dump.close();
    });

    it('keeps positions that have holes, and goes on above the sequence where the newest versions are gone', async () => {
      const { store } = await suite.elsewhere();
      const event = (id: string, version: number, position: number) => ({
        id,
        type: 't',
        at: LOAD.at,
        payload: '{}',
        version,
        position,
      });
      const events = [event('x', 3, 7), event('y', 3, 8), event('z', 40, 1000)];
      const records = { items: [{ key: 'a', value: '1', version: 41, expiresAt: null }] };
      await fill(store, { sequence: 5000, records, events });
      await store.migrate([ITEMS], () => ({}));
      expect(await store.events(0, 10)).toEqual(events);
      expect(await store.events(7, 1)).toEqual([events[1]]);
      expect(await store.events(8, 9)).toEqual([events[2]]);
      expect(await write(store, { puts: [item('a')] })).toBeGreaterThan(5000);
    });

    it('leaves the indexes to the migration that follows', async () => {
      await write(suite.store, { puts: [item('a', { name: 'n' }), item('b', { name: 'm', tags: ['t'] })] });
      const wanted = await dumpOf(suite.store);
      const { store } = await suite.elsewhere();
      // The store knew these indexes, empty, before it was filled.
      await store.migrate([ITEMS], () => ({}));
      await fill(store, wanted);
      await store.migrate([ITEMS], (_, key) => ({ 'items.all': itemRow({ name: `of ${key}`, tags: ['t'] }) }));
      expect(keysOf(await named(store, 'of a'))).toEqual(['a']);
      expect(await store.count(itemQuery({ where: [{ column: 'tags', op: 'any', values: ['t'] }] }))).toBe(2);
      await write(store, { puts: [item('a', { name: 'n' })] });
      expect(keysOf(await named(store, 'of a'))).toEqual([]);
      expect(keysOf(await named(store, 'n'))).toEqual(['a']);
    });

    it('is refused to begin where there is anything, unless all of it is to go', async () => {
      const { store } = suite;
      const refused = { code: 'ALREADY_EXISTS' };
      await write(store, { events: [event('a')] });
      await expect(async () => store.load(LOAD)).rejects.toMatchObject(refused);
      await write(store, { puts: [item('a', { name: 'n' })] });
      await expect(async () => store.load(LOAD)).rejects.toMatchObject(refused);
      expect(await store.loadMark()).toBeNull();
      expect(keysOf(await named(store, 'n'))).toEqual(['a']);
      const [before, version] = [await store.sequence(), await write(store, { puts: [item('c')] })];
      const load = await store.load({ ...LOAD, replace: true });
      expect(await load.collections()).toEqual([]);
      expect(await load.heldEvents(0)).toEqual([]);
      await load.write({
        ...NOTHING,
        puts: [{ collection: 'items', key: 'b', value: '1', version: 1, expiresAt: null }],
      });
      await load.finish(1);
      await store.migrate([ITEMS, PLAIN], (_, key) => ({ 'items.all': itemRow({ name: key }) }));
      expect(await store.get('items', 'a')).toBeNull();
      expect(keysOf(await named(store, 'b'))).toEqual(['b']);
      // Nobody who compares sequences takes what is there now for what was there before.
      expect(await store.sequence()).toBeGreaterThan(before);
      expect(await write(store, { puts: [item('a')] })).toBeGreaterThan(version);
    });

    it('marks the store until it is finished: migrate refuses it with a sentence, also in another process', async () => {
      const { store, reopen } = await suite.elsewhere();
      const load = await store.load(LOAD);
      await load.write({
        ...NOTHING,
        puts: [{ collection: 'items', key: 'a', value: '1', version: 1, expiresAt: null }],
      });
      for (const opened of shared ? [store, reopen()] : [store]) {
        expect(await opened.loadMark()).toEqual({ origin: LOAD.origin, at: LOAD.at });
        await expect(async () => opened.migrate([ITEMS], () => ({}))).rejects.toMatchObject({
          code: 'STORE_FAILURE',
          message: expect.stringMatching(/half filled: the test, which began 2026-\S+, did not finish\. Run the same/),
        });
      }
      await expect(async () => store.load({ ...LOAD, origin: 'another' })).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
        message: expect.stringContaining('the test'),
      });
      await load.finish(1);
      expect(await store.loadMark()).toBeNull();
      await store.migrate([ITEMS], () => ({}));
    });

    it('goes on where it stopped', async () => {
      await live(suite.store);
      const wanted = await dumpOf(suite.store);
      const { store, reopen } = await suite.elsewhere();
      const [first, ...rest] = wanted.records.items ?? [];
      const load = await store.load(LOAD);
      const stale = { collection: 'items', key: 'stale', value: '1', version: 1, expiresAt: null };
      await load.write({
        puts: [{ collection: 'items', ...first! }, stale],
        deletes: [],
        events: wanted.events.slice(0, 2),
      });

      const again = shared ? reopen() : store;
      const second = await again.load({ ...LOAD, at: '2027-01-01T00:00:00.000Z' });
      expect(await again.loadMark()).toEqual({ origin: LOAD.origin, at: LOAD.at });
      expect(await second.collections()).toEqual(['items']);
      const { collection: _, ...left } = stale;
      expect(await second.held('items', null)).toEqual([first, left]);
      expect(await second.held('items', first!.key)).toEqual([left]);
      expect(await second.held('items', left.key)).toEqual([]);
      expect(await second.held('nothing', null)).toEqual([]);
      expect(await second.heldEvents(0)).toEqual(wanted.events.slice(0, 2));
      expect(await second.heldEvents(wanted.events[0]?.position ?? 0)).toEqual([wanted.events[1]]);
      await second.write({
        puts: [
          ...rest.map((record) => ({ collection: 'items', ...record })),
          ...(wanted.records[PLAIN.name] ?? []).map((record) => ({ collection: PLAIN.name, ...record })),
        ],
        deletes: [{ collection: 'items', key: 'stale' }],
        // Events that are there already stay single.
        events: wanted.events.slice(1),
      });
      await second.finish(wanted.sequence);
      expect(contentOf(await dumpOf(again))).toEqual(contentOf(wanted));
    });

    it('writes no more once it has ended, or another began', async () => {
      const { store } = await suite.elsewhere();
      const first = await store.load(LOAD);
      const second = await store.load({ ...LOAD, origin: 'another', at: '2027-01-01T00:00:00.000Z', replace: true });
      const record = { collection: 'items', key: 'a', value: '1', version: 1, expiresAt: null };
      const ended = { code: 'CONFLICT', message: expect.stringContaining('has ended') };
      await expect(async () => first.write({ ...NOTHING, puts: [record] })).rejects.toMatchObject(ended);
      await expect(async () => first.finish(9)).rejects.toMatchObject(ended);
      await second.finish(2);
      await expect(async () => second.write({ ...NOTHING, puts: [record] })).rejects.toMatchObject(ended);
      expect(contentOf(await dumpOf(store))).toEqual({ records: {}, events: [] });
    });

    it('refuses keys, versions, times and positions that no store gives', async () => {
      const { store } = await suite.elsewhere();
      const load: RecordLoad = await store.load(LOAD);
      const record = { collection: 'items', key: 'a', value: '1', version: 1, expiresAt: null };
      const batches = [
        { puts: [{ ...record, key: '' }] },
        { puts: [{ ...record, version: 0 }] },
        { puts: [{ ...record, version: 1.5 }] },
        { puts: [{ ...record, expiresAt: 0.5 }] },
        { puts: [{ ...record, collection: '' }] },
        { events: [{ ...event('a'), version: 1, position: 0 }] },
      ];
      for (const batch of batches) {
        const write = async () => load.write({ ...NOTHING, ...batch });
        await expect(write, JSON.stringify(batch)).rejects.toMatchObject({ code: 'VALUE_INVALID' });
      }
    });

    it('forgets the commits of the life before', async () => {
      const { store } = suite;
      const id = randomUUID();
      await write(store, { id, puts: [item('a')] });
      await (await store.load({ ...LOAD, replace: true })).finish(0);
      await store.migrate([ITEMS, PLAIN], () => ({}));
      expect(await store.commit(commitOf({ id, puts: [item('b')] }))).toMatchObject({ ok: true });
      expect(await store.get('items', 'b')).not.toBeNull();
    });
  });
}

async function dumpOf(store: RecordStore): Promise<Dumped> {
  const dump: RecordDump = await store.dump();
  try {
    const records: Record<string, readonly DumpedRecord[]> = {};
    for (const { name } of dump.collections) {
      const found: DumpedRecord[] = [];
      for await (const batch of dump.records(name)) found.push(...batch);
      records[name] = found;
    }
    const events: StoredEvent[] = [];
    for await (const batch of dump.log()) events.push(...batch);
    return { sequence: dump.sequence, records, events };
  } finally {
    await dump.close();
  }
}

/** Without the sequence, which means something to its own store only. */
function contentOf({ records, events }: Dumped): Omit<Dumped, 'sequence'> {
  return { records, events };
}

async function fill(store: RecordStore, { sequence, records, events }: Dumped): Promise<void> {
  const load = await store.load(LOAD);
  for (const [collection, found] of Object.entries(records))
    await load.write({ ...NOTHING, puts: found.map((record) => ({ collection, ...record })) });
  await load.write({ ...NOTHING, events });
  await load.finish(sequence);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

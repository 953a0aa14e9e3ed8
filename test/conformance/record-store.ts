import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GuardedRecordStore, guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import type { CollectionSpec } from '../../src/ports/record-store.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { recordCommitSuite } from './record-commits.ts';
import { recordDumpSuite } from './record-dump.ts';
import {
  commitOf,
  ITEMS,
  item,
  itemQuery,
  keysOf,
  PLAIN,
  type RecordPlace,
  type RecordSuite,
  reasonOf,
  write,
} from './record-fixture.ts';
import { recordLogSuite } from './record-log.ts';
import { recordMigrationSuite } from './record-migration.ts';
import { recordModelSuite } from './record-model.ts';
import { recordQuerySuite } from './record-queries.ts';
import { recordScheduleSuite } from './record-schedules.ts';
import { recordSearchSuite } from './record-search.ts';

export type UnsupportedRecordCapability = 'durable' | 'shared' | 'fullText';

/** What every record store must do, behind its guard. */
export function recordStoreSuite(
  name: string,
  makePlace: () => Promise<RecordPlace>,
  options: {
    readonly unsupported: readonly { capability: UnsupportedRecordCapability; reason: string }[];
    /** How many concurrent schedules to try; default: SCHEDULES, or 150. */
    readonly schedules?: number;
  },
): void {
  describe(`record store ${name}`, () => {
    let place: RecordPlace;
    let clock: FakeClock;
    let store: GuardedRecordStore;
    let others: GuardedRecordStore[] = [];
    let places: RecordPlace[] = [];
    const suite: RecordSuite = {
      get store() {
        return store;
      },
      get clock() {
        return clock;
      },
      get place() {
        return place;
      },
      async another() {
        const other = guardRecordStore(place.open(clock));
        others.push(other);
        await other.migrate([ITEMS, PLAIN], () => ({}));
        return other;
      },
      async elsewhere() {
        const other = await makePlace();
        places.push(other);
        const reopen = () => {
          const opened = guardRecordStore(other.open(clock));
          others.push(opened);
          return opened;
        };
        return { store: reopen(), reopen };
      },
    };

    beforeEach(async () => {
      place = await makePlace();
      clock = createFakeClock();
      store = guardRecordStore(place.open(clock));
      await store.migrate([ITEMS, PLAIN], () => ({}));
    });
    afterEach(async () => {
      for (const other of others) await other.close();
      others = [];
      await store.close();
      await place.remove();
      for (const other of places) await other.remove();
      places = [];
    });

    for (const { capability, reason } of options.unsupported) {
      it(`says that it is not ${capability}: ${reason}`, () => expect(store.capabilities[capability]).toBe(false));
    }
    const lacks = (capability: UnsupportedRecordCapability): boolean =>
      options.unsupported.some((entry) => entry.capability === capability);

    recordBasics(suite);
    recordQuerySuite(suite);
    recordCommitSuite(suite);
    recordLogSuite(suite);
    recordMigrationSuite(suite);
    recordModelSuite(suite);
    recordScheduleSuite(suite, options.schedules ?? (Number(process.env.SCHEDULES) || 150));
    if (!lacks('fullText')) recordSearchSuite(suite);
    recordDumpSuite(suite, { shared: !lacks('shared') });
    if (!lacks('durable')) recordReopenSuite(suite);
    if (!lacks('shared')) recordSharingSuite(suite);
  });
}

function recordBasics(suite: RecordSuite): void {
  it('gives back a record with the version of its commit', async () => {
    const { store } = suite;
    const first = await write(store, { puts: [item('a'), item('b')] });
    const second = await write(store, { puts: [{ ...item('b'), value: '"new 😀"' }] });
    expect(second).toBeGreaterThan(first);
    expect(await store.get('items', 'a')).toEqual({ key: 'a', value: '{"key":"a"}', version: first });
    expect(await store.get('items', 'b')).toEqual({ key: 'b', value: '"new 😀"', version: second });
    expect(await store.get('items', 'c')).toBeNull();
    expect(await store.get(PLAIN.name, 'a')).toBeNull();
  });

  it('answers many keys in their order, with repetitions and gaps', async () => {
    const { store } = suite;
    await write(store, { puts: [item('a'), item('b')] });
    const found = await store.getMany('items', ['b', 'x', 'a', 'b']);
    expect(found.map((record) => record?.key ?? null)).toEqual(['b', null, 'a', 'b']);
    expect(await store.getMany('items', [])).toEqual([]);
  });

  it('deletes, and a delete of what is absent does no harm', async () => {
    const { store } = suite;
    await write(store, { puts: [item('a')] });
    await write(store, {
      deletes: [
        { collection: 'items', key: 'a' },
        { collection: 'items', key: 'never' },
      ],
    });
    expect(await store.get('items', 'a')).toBeNull();
    expect(
      (await store.query({ collection: 'items', index: 'items.all', where: [], order: [], limit: 9, after: null }))
        .records,
    ).toEqual([]);
  });

  it('lists in the order of UTF-8 bytes, which is not that of UTF-16', async () => {
    const { store } = suite;
    const keys = [
      'a',
      'a/',
      'a/b',
      'a0',
      'z',
      'é',
      '\u{e000}',
      '\uffff',
      '\u{10000}',
      '😀',
      '\u{10ffff}',
      '\u{10ffff}x',
    ];
    await write(store, { puts: keys.toReversed().map((key) => ({ ...item(key), collection: PLAIN.name, rows: {} })) });
    const page = await store.list({ collection: PLAIN.name, prefix: '', after: null, limit: 100 });
    expect(keysOf(page)).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(page.more).toBe(false);
    expect(page.records.every(({ position }) => position.length === 0)).toBe(true);
    for (const prefix of ['a', 'a/', '\uffff', '\u{10ffff}', 'b']) {
      const some = await store.list({ collection: PLAIN.name, prefix, after: null, limit: 100 });
      expect(keysOf(some)).toEqual(keysOf(page).filter((key) => key.startsWith(prefix)));
    }
  });

  it('lists pages that go on after a key, whether it exists, lies below the prefix or above it', async () => {
    const { store } = suite;
    await write(store, { puts: ['b', 'p', 'p/1', 'p/2', 'p/3', 'q'].map((key) => item(key)) });
    const list = async (after: string | null, limit: number) => {
      const page = await store.list({ collection: 'items', prefix: 'p/', after, limit });
      return [keysOf(page), page.more];
    };
    expect(await list(null, 2)).toEqual([['p/1', 'p/2'], true]);
    expect(await list('p/2', 2)).toEqual([['p/3'], false]);
    expect(await list('p/11', 1)).toEqual([['p/2'], true]);
    expect(await list('a', 3)).toEqual([['p/1', 'p/2', 'p/3'], false]);
    expect(await list('q', 3)).toEqual([[], false]);
    expect(await list('p/3', 3)).toEqual([[], false]);
  });

  it('pages through 10 000 records without losing or repeating one', async () => {
    const { store } = suite;
    const keys = Array.from({ length: 10_000 }, (_, place) => `k${String((place * 7919) % 10_000).padStart(5, '0')}`);
    for (let from = 0; from < keys.length; from += 1000) {
      await write(store, {
        puts: keys.slice(from, from + 1000).map((key, place) => item(key, { name: 'n', rank: place % 50 })),
      });
    }
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await store.list({ collection: 'items', prefix: 'k', after, limit: 999 });
      seen.push(...keysOf(page));
      if (!page.more) break;
      after = seen.at(-1) ?? null;
    }
    expect(seen).toEqual(keys.toSorted());
    const ranked: string[] = [];
    const order = [{ column: 'rank', descending: true }];
    const where = [{ column: 'name', op: 'eq', value: 'n' }] as const;
    for (let after = null; ; ) {
      const page = await store.query({ collection: 'items', index: 'items.all', where, order, limit: 333, after });
      ranked.push(...keysOf(page));
      const last = page.records.at(-1);
      if (!page.more || last === undefined) break;
      after = { values: last.position, key: last.key };
    }
    expect(new Set(ranked).size).toBe(10_000);
    expect(await store.count({ collection: 'items', index: 'items.all', where })).toBe(10_000);
  });

  it('hides what has expired from every read, and sweeps it', async () => {
    const { store, clock } = suite;
    const soon = clock.now() + 1000;
    await write(store, { puts: [item('a', { name: 'n', tags: ['t'] }, soon), item('b', { name: 'n', tags: ['t'] })] });
    const where = [{ column: 'name', op: 'eq', value: 'n' }] as const;
    const look = async () => ({
      get: (await store.get('items', 'a'))?.key,
      many: (await store.getMany('items', ['a', 'b'])).map((record) => record?.key),
      list: keysOf(await store.list({ collection: 'items', prefix: '', after: null, limit: 9 })),
      query: keysOf(
        await store.query({ collection: 'items', index: 'items.all', where, order: [], limit: 9, after: null }),
      ),
      count: await store.count({
        collection: 'items',
        index: 'items.all',
        where: [{ column: 'tags', op: 'any', values: ['t'] }],
      }),
    });
    const both = { get: 'a', many: ['a', 'b'], list: ['a', 'b'], query: ['a', 'b'], count: 2 };
    expect(await look()).toEqual(both);
    expect(await store.sweepExpired(10)).toBe(0);
    clock.advance(999);
    expect(await look()).toEqual(both);
    clock.advance(1);
    expect(await look()).toEqual({ get: undefined, many: [undefined, 'b'], list: ['b'], query: ['b'], count: 1 });
    expect(await store.sweepExpired(10)).toBe(1);
    expect(await store.sweepExpired(10)).toBe(0);
    // Time set back shows that the record is gone and not merely hidden.
    clock.advance(-1000);
    expect((await look()).list).toEqual(['b']);
  });

  it('sweeps no more than it is asked to', async () => {
    const { store, clock } = suite;
    await write(store, { puts: ['a', 'b', 'c'].map((key) => item(key, {}, clock.now() + 1)) });
    clock.advance(1);
    expect(await store.sweepExpired(2)).toBe(2);
    expect(await store.sweepExpired(2)).toBe(1);
  });

  it('waits for work in flight when it closes, and refuses new work meanwhile', async () => {
    const { store } = suite;
    const commits = Array.from({ length: 20 }, (_, place) => store.commit(commitOf({ puts: [item(`k${place}`)] })));
    const reads = Array.from({ length: 20 }, () => store.query(itemQuery({})));
    const closing = store.close();
    expect(() => store.commit(commitOf({ puts: [item('late')] }))).toThrow(
      expect.objectContaining({ code: 'CLOSING' }),
    );
    expect((await Promise.all(commits)).map(reasonOf)).toEqual(Array.from({ length: 20 }, () => 'ok'));
    await Promise.all(reads);
    await closing;
  });

  it('is healthy, and refuses everything with CLOSING once closed', async () => {
    const { store } = suite;
    expect(await store.health()).toMatchObject({ ok: true });
    await store.close();
    await store.close();
    expect(() => store.get('items', 'a')).toThrow(expect.objectContaining({ code: 'CLOSING' }));
    expect(() => store.commit(commitOf({}))).toThrow(expect.objectContaining({ code: 'CLOSING' }));
  });
}

function recordReopenSuite(suite: RecordSuite): void {
  it('has everything again after it was closed and opened', async () => {
    const { store, clock } = suite;
    const id = 'the-commit';
    const version = await write(store, {
      id,
      puts: [item('a', { name: 'n' })],
      events: [{ id: 'e', type: 't', at: '2026-01-01T00:00:00Z', payload: '{}' }],
    });
    await store.close();
    const again = await suite.another();
    expect(await again.get('items', 'a')).toMatchObject({ version });
    const where = [{ column: 'name', op: 'eq', value: 'n' }] as const;
    expect(
      keysOf(await again.query({ collection: 'items', index: 'items.all', where, order: [], limit: 9, after: null })),
    ).toEqual(['a']);
    expect(await again.outcome(id)).toBe(version);
    expect(await again.sequence()).toBeGreaterThan(0);
    expect(await again.events(0, 9)).toHaveLength(1);
    expect(await write(again, { puts: [item('b')] })).toBeGreaterThan(version);
    expect(clock.slept).toEqual([]);
  });
}

function recordSharingSuite(suite: RecordSuite): void {
  it('shows each commit to every other store on the place', async () => {
    const other = await suite.another();
    const before = await other.sequence();
    const version = await write(suite.store, { puts: [item('a', { name: 'n' })] });
    expect(await other.get('items', 'a')).toMatchObject({ version });
    expect(await other.sequence()).toBeGreaterThan(before);
    const next = await write(other, { puts: [item('a', { name: 'm' })] });
    expect(next).toBeGreaterThan(version);
    const check = { kind: 'record', collection: 'items', key: 'a', version } as const;
    expect(await suite.store.commit(commitOf({ checks: [check], puts: [item('a')] }))).toMatchObject({ ok: false });
  });

  it('tells a watcher of commits that other stores made', async () => {
    const other = await suite.another();
    const told = new Promise<void>((resolve) => other.watch(resolve));
    await write(suite.store, { puts: [item('a')] });
    await told;
  });

  it('is migrated by several stores at once', async () => {
    const { store } = suite;
    await write(store, { puts: Array.from({ length: 500 }, (_, place) => item(`k${place}`)) });
    const changed = { ...ITEMS, indexes: ITEMS.indexes.map((index) => ({ ...index, revision: '2' })) };
    const stores = [1, 2, 3].map(() => guardRecordStore(suite.place.open(suite.clock)));
    const project = async (_: string, key: string) => item(key, { name: 'again' }).rows;
    await Promise.all(stores.map((opened) => opened.migrate([changed, PLAIN], project)));
    const where = [{ column: 'name', op: 'eq', value: 'again' }] as const;
    for (const opened of stores) {
      expect(await opened.count({ collection: 'items', index: 'items.all', where })).toBe(500);
      await opened.close();
    }
  });

  const [all, claims] = ITEMS.indexes;
  it.each([
    ['took an index away', { ...ITEMS, indexes: [all] }],
    ['added an index', { ...ITEMS, indexes: [all, claims, { ...all, name: 'items.more' }] }],
  ])('refuses to write where another store %s', async (_, changed) => {
    const { store } = suite;
    await write(store, { puts: [item('a')] });
    const other = guardRecordStore(suite.place.open(suite.clock));
    await other.migrate([changed as CollectionSpec], () => ({}));
    await expect(async () => store.commit(commitOf({ puts: [item('b')] }))).rejects.toMatchObject({
      code: 'STORE_FAILURE',
      message: expect.stringContaining('must be restarted'),
    });
    await write(other, { puts: [item('b')] });
    await other.close();
  });

  it('goes on where another store added a collection', async () => {
    const other = guardRecordStore(suite.place.open(suite.clock));
    await other.migrate([{ name: 'more', indexes: [] }], () => ({}));
    const version = await write(other, { puts: [{ ...item('a'), collection: 'more', rows: {} }] });
    expect(await write(suite.store, { puts: [item('a')] })).toBeGreaterThan(version);
    await other.close();
  });
}

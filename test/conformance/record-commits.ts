import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Check, pageFingerprint, type RecordPut } from '../../src/ports/record-store.ts';
import {
  claim,
  commitOf,
  item,
  itemQuery,
  keysOf,
  PLAIN,
  type RecordSuite,
  reasonOf,
  write,
} from './record-fixture.ts';

export function recordCommitSuite(suite: RecordSuite): void {
  const commit = async (parts: Parameters<typeof commitOf>[0]) => reasonOf(await suite.store.commit(commitOf(parts)));
  const recordCheck = (key: string, version: number | null): Check => ({
    kind: 'record',
    collection: 'items',
    key,
    version,
  });

  describe('commits', () => {
    it('lets the first of two writers win who read the same version', async () => {
      const version = await write(suite.store, { puts: [item('a')] });
      const update = { checks: [recordCheck('a', version)], puts: [item('a')] };
      expect(await commit(update)).toBe('ok');
      expect(await commit(update)).toBe('check record');
    });

    it('checks absence', async () => {
      const create = { checks: [recordCheck('a', null)], puts: [item('a')] };
      expect(await commit(create)).toBe('ok');
      expect(await commit(create)).toBe('check record');
      await write(suite.store, { deletes: [{ collection: 'items', key: 'a' }] });
      expect(await commit(create)).toBe('ok');
    });

    it('knows a record that was deleted and made again for another', async () => {
      const { store } = suite;
      const version = await write(store, { puts: [item('a')] });
      await write(store, { deletes: [{ collection: 'items', key: 'a' }] });
      await write(store, { puts: [item('a')] });
      expect(await commit({ checks: [recordCheck('a', version)] })).toBe('check record');
    });

    it('prevents write skew: each of two writers reads what the other writes', async () => {
      const { store } = suite;
      const version = await write(store, { puts: [item('a'), item('b')] });
      const checks = [recordCheck('a', version), recordCheck('b', version)];
      expect(await commit({ checks, puts: [item('a')] })).toBe('ok');
      expect(await commit({ checks, puts: [item('b')] })).toBe('check record');
    });

    it('prevents phantoms in lists, queries and counts: inserts, deletes, changes, moves', async () => {
      const { store } = suite;
      const list = { collection: 'items', prefix: 'p/', after: null, limit: 3 };
      const query = itemQuery({
        where: [{ column: 'name', op: 'eq', value: 'n' }],
        order: [{ column: 'rank', descending: true }],
        limit: 3,
      });
      const element = itemQuery({ where: [{ column: 'tags', op: 'any', values: ['t'] }] });
      const look = async (): Promise<Check[]> => [
        { kind: 'list', query: list, fingerprint: pageFingerprint(await store.list(list)) },
        { kind: 'query', query, fingerprint: pageFingerprint(await store.query(query)) },
        { kind: 'query', query: element, fingerprint: pageFingerprint(await store.query(element)) },
        { kind: 'count', query, count: await store.count(query) },
      ];
      const n = (key: string, rank: number) => item(key, { name: 'n', rank, tags: ['t'] });
      await write(store, { puts: [n('p/1', 1), n('p/2', 2)] });
      const steps: readonly [string, Parameters<typeof commitOf>[0], readonly boolean[]][] = [
        ['nothing', { puts: [item('q', { name: 'm' })] }, [true, true, true, true]],
        ['insert', { puts: [n('p/0', 0)] }, [false, false, false, false]],
        ['change', { puts: [n('p/0', 0)] }, [false, false, false, true]],
        ['move in', { puts: [n('q', 5)] }, [true, false, false, false]],
        ['more beyond the limit', { puts: [n('p/9', -5)] }, [false, true, false, false]],
        ['move out', { puts: [item('q', { name: 'm' })] }, [true, false, false, false]],
        ['delete', { deletes: [{ collection: 'items', key: 'p/1' }] }, [false, false, false, false]],
        ['delete elsewhere', { deletes: [{ collection: 'items', key: 'q' }] }, [true, true, true, true]],
      ];
      for (const [what, change, expected] of steps) {
        const checks = await look();
        await write(store, change);
        const held: boolean[] = [];
        for (const check of checks) held.push((await store.commit(commitOf({ checks: [check] }))).ok);
        expect([what, held]).toEqual([what, expected]);
      }
    });

    it('holds a check against time: what was read has expired', async () => {
      const { store, clock } = suite;
      const version = await write(store, { puts: [item('a', { name: 'n' }, clock.now() + 10)] });
      const query = itemQuery({});
      const fingerprint = pageFingerprint(await store.query(query));
      expect(await commit({ checks: [recordCheck('a', version)] })).toBe('ok');
      clock.advance(10);
      expect(await commit({ checks: [recordCheck('a', version)] })).toBe('check record');
      expect(await commit({ checks: [recordCheck('a', null)] })).toBe('ok');
      expect(await commit({ checks: [{ kind: 'query', query, fingerprint }] })).toBe('check query');
      expect(await commit({ checks: [{ kind: 'count', query, count: 1 }] })).toBe('check count');
    });

    it('names the first check that failed, and writes nothing', async () => {
      const { store } = suite;
      const version = await write(store, { puts: [item('a')] });
      const checks = [recordCheck('a', version), recordCheck('b', 7), recordCheck('c', 7)];
      const event = { id: 'e', type: 't', at: '2026-01-01T00:00:00Z', payload: '{}' };
      const result = await store.commit(
        commitOf({
          id: 'lost',
          checks,
          puts: [item('b')],
          deletes: [{ collection: 'items', key: 'a' }],
          events: [event],
        }),
      );
      expect(result).toEqual({ ok: false, reason: 'check', check: checks[1] });
      expect(await store.get('items', 'a')).not.toBeNull();
      expect(await store.get('items', 'b')).toBeNull();
      expect(await store.events(0, 10)).toEqual([]);
      expect(await store.outcome('lost')).toBeNull();
    });

    it('takes a commit that only checks, and appends and changes nothing', async () => {
      const { store } = suite;
      const version = await write(store, { puts: [item('a')] });
      expect(await store.commit(commitOf({ checks: [recordCheck('a', version)] }))).toMatchObject({ ok: true });
      expect(await store.get('items', 'a')).toMatchObject({ version });
    });

    it('writes several collections in one commit', async () => {
      const { store } = suite;
      const other: RecordPut = { collection: PLAIN.name, key: 'a', value: '1', expiresAt: null, rows: {} };
      const version = await write(store, { puts: [item('a'), other] });
      expect(await store.get(PLAIN.name, 'a')).toEqual({ key: 'a', value: '1', version });
      expect(await store.get('items', 'a')).toMatchObject({ version });
    });

    it('knows the outcome of a commit for an hour, and does not apply it twice', async () => {
      const { store, clock } = suite;
      const asked = commitOf({ id: 'once', checks: [recordCheck('a', null)], puts: [item('a')] });
      const first = await store.commit(asked);
      expect(await store.commit(asked)).toEqual(first);
      clock.advance(3_599_000);
      for (let count = 0; count < 200; count++) await write(store, { puts: [item('b')] });
      expect(await store.outcome('once')).toBe(first.ok ? first.version : -1);
      expect(await store.outcome('never')).toBeNull();
    });

    it('versions grow with the order of commits, whatever is written', async () => {
      const { store } = suite;
      const versions: number[] = [];
      for (const key of ['a', 'b', 'a', 'c']) versions.push(await write(store, { puts: [item(key)] }));
      expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
      expect(versions[0]).toBeGreaterThan(0);
    });
  });

  describe('unique keys', () => {
    it('refuses a second holder and names the first', async () => {
      await write(suite.store, { puts: [claim('a', { owner: 'o', slot: 1, aliases: ['x', 'y'] })] });
      expect(await commit({ puts: [claim('b', { owner: 'o', slot: 1 })] })).toBe('unique items.claims one_per_slot a');
      expect(await commit({ puts: [claim('b', { owner: 'p', aliases: ['z', 'y'] })] })).toBe(
        'unique items.claims one_per_alias a',
      );
      expect(await suite.store.get('items', 'b')).toBeNull();
      expect(await commit({ puts: [claim('b', { owner: 'o', slot: 2, aliases: ['z'] })] })).toBe('ok');
      expect(await commit({ puts: [claim('a', { owner: 'o', slot: 1, aliases: ['y'] })] })).toBe('ok');
    });

    it('counts null as a value', async () => {
      await write(suite.store, { puts: [claim('a', { owner: 'o' })] });
      expect(await commit({ puts: [claim('b', { owner: 'o' })] })).toBe('unique items.claims one_per_slot a');
    });

    it('leaves records out that are not in the index', async () => {
      await write(suite.store, { puts: [claim('a', { owner: 'o', slot: 1 })] });
      expect(await commit({ puts: [item('b')] })).toBe('ok');
      expect(await commit({ puts: [item('a')] })).toBe('ok');
      expect(await commit({ puts: [claim('b', { owner: 'o', slot: 1 })] })).toBe('ok');
    });

    it('lets the holder be replaced, moved or deleted in the same commit', async () => {
      await write(suite.store, { puts: [claim('a', { owner: 'o', slot: 1 }), claim('b', { owner: 'o', slot: 2 })] });
      const swap = [claim('a', { owner: 'o', slot: 2 }), claim('b', { owner: 'o', slot: 1 })];
      expect(await commit({ puts: swap })).toBe('ok');
      expect(
        await commit({ puts: [claim('c', { owner: 'o', slot: 2 })], deletes: [{ collection: 'items', key: 'a' }] }),
      ).toBe('ok');
      expect(await commit({ puts: [claim('d', { owner: 'o', slot: 1 }), claim('b', { owner: 'o', slot: 9 })] })).toBe(
        'ok',
      );
    });

    it('refuses two holders in one commit', async () => {
      const puts = [claim('a', { owner: 'o', slot: 1 }), claim('b', { owner: 'o', slot: 1 })];
      expect(await commit({ puts })).toMatch(/^unique items.claims one_per_slot [ab]$/);
      expect(keysOf(await suite.store.list({ collection: 'items', prefix: '', after: null, limit: 9 }))).toEqual([]);
    });

    it('forgets a holder that expired', async () => {
      const { store, clock } = suite;
      await write(store, { puts: [claim('a', { owner: 'o', slot: 1, aliases: ['x'] }, clock.now() + 10)] });
      const next = { puts: [claim('b', { owner: 'o', slot: 1, aliases: ['x'] })] };
      expect(await commit(next)).toBe('unique items.claims one_per_slot a');
      clock.advance(10);
      expect(await commit(next)).toBe('ok');
      expect(await commit({ puts: [claim('c', { owner: 'o', slot: 1 }, clock.now())] })).toBe('ok');
    });
  });

  describe('the guard', () => {
    const long = 'é'.repeat(513);
    it.each([
      ['an empty key', { puts: [item('')] }, 'VALUE_INVALID'],
      ['a key of 1026 bytes', { puts: [item(long)] }, 'VALUE_INVALID'],
      ['a key with NUL', { deletes: [{ collection: 'items', key: 'a\0b' }] }, 'VALUE_INVALID'],
      ['half a surrogate pair', { puts: [item('\ud800')] }, 'VALUE_INVALID'],
      ['an indexed text with NUL', { puts: [item('a', { name: 'x\0' })] }, 'VALUE_INVALID'],
      ['an indexed element with half a pair', { puts: [item('a', { tags: ['x\udc00'] })] }, 'VALUE_INVALID'],
      ['an infinite number', { puts: [item('a', { rank: Number.POSITIVE_INFINITY })] }, 'VALUE_INVALID'],
      ['two writes of one key', { puts: [item('a')], deletes: [{ collection: 'items', key: 'a' }] }, 'INTERNAL'],
      ['an unknown collection', { puts: [{ ...item('a'), collection: 'none' }] }, 'INTERNAL'],
      ['an unknown index', { puts: [{ ...item('a'), rows: { none: {} } }] }, 'INTERNAL'],
      ['a row that lacks a column', { puts: [{ ...item('a'), rows: { 'items.all': { name: 'n' } } }] }, 'INTERNAL'],
    ])('refuses %s', async (_, parts, code) => {
      await expect(async () => suite.store.commit(commitOf(parts))).rejects.toMatchObject({ code });
      const none = await suite.store.list({ collection: 'items', prefix: '', after: null, limit: 10 });
      expect(none.records).toEqual([]);
    });

    it('takes a key of 1024 bytes', async () => {
      expect(await commit({ puts: [item('é'.repeat(512))] })).toBe('ok');
    });

    it('takes 1536 bytes of a record into an index, and no more', async () => {
      // Random, so that no database packs it. A text takes eight bytes more, a null 24, a list without elements nothing.
      const random = (bytes: number) => randomBytes(bytes).toString('base64').slice(0, bytes);
      const key = random(1024);
      const row = { name: random(730), tags: ['short', random(742)] };
      expect(await commit({ puts: [item(key, row)] })).toBe('ok');
      const where = [{ column: 'tags', op: 'any', values: row.tags.slice(1) } as const];
      expect(keysOf(await suite.store.query(itemQuery({ where })))).toEqual([key]);
      await expect(async () => commit({ puts: [item(key, { ...row, name: `${row.name}!` })] })).rejects.toMatchObject({
        code: 'VALUE_INVALID',
        message: expect.stringMatching(/"items.all".*1536.*"name".*1537/),
      });
    });

    it.each([0, -1, 1.5, 10_001, Number.NaN])('refuses the limit %d', async (limit) => {
      const { store } = suite;
      const refused = expect.objectContaining({ code: 'VALUE_INVALID' });
      expect(() => store.list({ collection: 'items', prefix: '', after: null, limit })).toThrow(refused);
      expect(() => store.query(itemQuery({ limit }))).toThrow(refused);
      expect(() => store.events(0, limit)).toThrow(refused);
    });

    it('refuses filters and orders that the index does not have', () => {
      const { store } = suite;
      const refused = expect.objectContaining({ code: 'INTERNAL' });
      expect(() => store.query(itemQuery({ where: [{ column: 'tags', op: 'eq', value: 1 }] }))).toThrow(refused);
      expect(() => store.query(itemQuery({ where: [{ column: 'name', op: 'any', values: [1] }] }))).toThrow(refused);
      expect(() => store.query(itemQuery({ order: [{ column: 'tags', descending: false }] }))).toThrow(refused);
      expect(() => store.query(itemQuery({ after: { values: [1], key: 'a' } }))).toThrow(refused);
      expect(() => store.query(itemQuery({ index: 'none' }))).toThrow(refused);
    });

    it('counts calls and failures', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a')] });
      expect(() => store.get('items', '')).toThrow();
      await store.get('items', 'a');
      expect(store.stats()).toMatchObject({ commit: { calls: 1, failures: 0 }, get: { calls: 2, failures: 1 } });
      expect(store.stats().commit?.maxMs).toBeGreaterThan(0);
    });
  });
}

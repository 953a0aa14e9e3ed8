import { describe, expect, it } from 'vitest';
import type { CollectionSpec, IndexRows, IndexSpec, ProjectRecord } from '../../src/ports/record-store.ts';
import { ITEMS, item, itemQuery, itemRow, keysOf, type RecordSuite, write } from './record-fixture.ts';

export function recordMigrationSuite(suite: RecordSuite): void {
  describe('migration', () => {
    const [all, claims] = ITEMS.indexes as readonly [IndexSpec, IndexSpec];
    const withIndexes = (...indexes: IndexSpec[]): CollectionSpec => ({ ...ITEMS, indexes });
    /** Names each record by its key, so that it is told apart from what the puts said. */
    const byKey: ProjectRecord = (_, key) => ({ 'items.all': itemRow({ name: `of ${key}`, tags: [key] }) });
    const named = async (name: string) =>
      keysOf(await suite.store.query(itemQuery({ where: [{ column: 'name', op: 'eq', value: name }] })));

    it('does nothing the second time', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' })] });
      await store.migrate([ITEMS], () => {
        throw new Error('Nothing is to be filled');
      });
      expect(await named('n')).toEqual(['a']);
    });

    it.each([
      ['its revision changed', { ...all, revision: '2' }],
      ['it has another column', { ...all, columns: [...all.columns, 'colour'] }],
      ['it has another key', { ...all, keys: all.keys.slice(1) }],
    ])('fills an index again when %s', async (_, changed) => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' }), item('b', { name: 'n' })] });
      const project: ProjectRecord = (_, key) => ({
        'items.all': {
          ...itemRow({ name: `of ${key}`, tags: [key] }),
          ...(changed.columns.includes('colour') ? { colour: 'red' } : {}),
        },
      });
      await store.migrate([withIndexes(changed, claims)], project);
      expect(await named('n')).toEqual([]);
      expect(await named('of b')).toEqual(['b']);
      const tags = itemQuery({ where: [{ column: 'tags', op: 'any', values: ['a'] }] });
      expect(keysOf(await store.query(tags))).toEqual(['a']);
    });

    it('leaves unchanged indexes as they are', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' })] });
      await store.migrate([withIndexes(all, { ...claims, revision: '2' })], byKey);
      expect(await named('n')).toEqual(['a']);
    });

    it('fills more records than fit a batch, by promise, and leaves out what the projection leaves out', async () => {
      const { store } = suite;
      const keys = Array.from({ length: 1000 }, (_, place) => `k${String(place).padStart(4, '0')}`);
      await write(store, { puts: keys.map((key) => item(key, { name: 'n' })) });
      await store.migrate([withIndexes({ ...all, revision: '2' }, claims)], async (_, key, value) => {
        expect(JSON.parse(value)).toEqual({ key });
        await Promise.resolve();
        const rows: IndexRows = key.endsWith('0') ? {} : { 'items.all': itemRow({ name: 'm' }) };
        return rows;
      });
      expect(await store.count(itemQuery({}))).toBe(900);
      expect(await store.count(itemQuery({ where: [{ column: 'name', op: 'eq', value: 'm' }] }))).toBe(900);
    });

    it('misses nothing that is written while it fills', async () => {
      const { store } = suite;
      await write(store, { puts: ['a', 'b', 'c', 'd'].map((key) => item(key, { name: 'n' })) });
      let calls = 0;
      await store.migrate([withIndexes({ ...all, revision: '2' }, claims)], async (collection, key, value) => {
        if (++calls === 3) {
          // What came before, what comes later, something new, and something that goes.
          await write(store, {
            puts: [{ ...item('a'), value: '"changed"' }, { ...item('d'), value: '"changed"' }, item('0'), item('e')],
            deletes: [{ collection, key: 'b' }],
          });
        }
        return { 'items.all': itemRow({ name: value === '"changed"' ? 'changed' : `of ${key}` }) };
      });
      expect(await named('changed')).toEqual(['a', 'd']);
      expect(await named('of b')).toEqual([]);
      expect(await named('of 0')).toEqual(['0']);
      expect(await store.count(itemQuery({}))).toBe(5);
    });

    it('keeps expired records out, and keeps the time of the others', async () => {
      const { store, clock } = suite;
      await write(store, { puts: [item('a', {}, clock.now() + 10), item('b', {}, clock.now() + 20)] });
      clock.advance(10);
      await store.migrate([withIndexes({ ...all, revision: '2' }, claims)], byKey);
      expect(keysOf(await store.query(itemQuery({})))).toEqual(['b']);
      clock.advance(10);
      expect(await store.count(itemQuery({}))).toBe(0);
    });

    it('does not trust an index that was gone for a while', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' })] });
      await store.migrate([withIndexes(claims)], byKey);
      await write(store, {
        puts: [
          { ...item('a'), rows: {} },
          { ...item('b'), rows: {} },
        ],
      });
      await store.migrate([ITEMS], byKey);
      expect(await named('n')).toEqual([]);
      expect(await named('of b')).toEqual(['b']);
    });

    it('refuses a unique key that stored records break, and goes on with the index as it was', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' }), item('b', { name: 'n' })] });
      const unique = { ...all, keys: [{ name: 'one', fields: ['name'], sort: [], unique: true }] };
      const project: ProjectRecord = () => ({ 'items.all': itemRow({ name: 'same' }) });
      await expect(async () => store.migrate([withIndexes(unique, claims)], project)).rejects.toMatchObject({
        code: 'UNIQUE_VIOLATION',
        message: expect.stringMatching(/"items.all".*"one".*"a".*"b"/),
      });
      expect(await named('n')).toEqual(['a', 'b']);
    });

    it('refuses a record that has more in an index than one takes, and goes on with the index as it was', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' }), item('b', { name: 'n' })] });
      const long: ProjectRecord = (_, key) => ({
        'items.all': itemRow({ name: key === 'b' ? 'n'.repeat(2000) : 'n' }),
      });
      await expect(async () =>
        store.migrate([withIndexes({ ...all, revision: '2' }, claims)], long),
      ).rejects.toMatchObject({ code: 'VALUE_INVALID', message: expect.stringMatching(/1536.*record "b" of "items"/) });
      expect(await named('n')).toEqual(['a', 'b']);
    });

    it('stops where the projection fails, and can be asked again', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a', { name: 'n' }), item('b', { name: 'n' })] });
      const changed = withIndexes({ ...all, revision: '2' }, claims);
      const failing: ProjectRecord = (collection, key, value) => {
        if (key === 'b') throw new Error('No projection');
        return byKey(collection, key, value);
      };
      await expect(async () => store.migrate([changed], failing)).rejects.toMatchObject({ code: 'STORE_FAILURE' });
      expect(await named('n')).toEqual(['a', 'b']);
      await store.migrate([changed], byKey);
      expect(await named('of a')).toEqual(['a']);
    });
  });
}

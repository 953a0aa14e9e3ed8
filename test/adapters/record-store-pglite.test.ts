import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPgliteRecordStore } from '../../src/adapters/record-store/pglite.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';
import { ITEMS, item, PLAIN, write } from '../conformance/record-fixture.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** One database for all tests, a schema for each: to make a database takes seconds. */
let database: PGlite;
let schemas = 0;
beforeAll(async () => {
  database = await PGlite.create();
});
afterAll(() => database.close());

/** The database as a store sees it that closes its own. */
function shared(): PGlite {
  return new Proxy(database, {
    get(target, name) {
      if (name === 'close') return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

recordStoreSuite(
  'pglite',
  async () => {
    const schema = `s${++schemas}`;
    return {
      open: (clock) =>
        openPgliteRecordStore({ folder: null, schema, clock, watchIntervalMs: 5, openDatabase: async () => shared() }),
      remove: async () => void (await database.exec(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)),
    };
  },
  {
    unsupported: [
      { capability: 'durable', reason: 'it does not fsync' },
      { capability: 'shared', reason: 'one process at a time has the folder' },
    ],
  },
);

describe('PGlite in a folder', () => {
  it('has everything again after it was closed and opened, and is for one at a time', async () => {
    const folder = join(temporaryFolder(), 'records');
    const clock = createFakeClock();
    const store = openPgliteRecordStore({ folder, clock });
    await store.migrate([ITEMS, PLAIN], () => ({}));
    const version = await write(store, { puts: [item('a', { name: 'n' })] });
    await expect(async () => openPgliteRecordStore({ folder, clock }).migrate([], () => ({}))).rejects.toMatchObject({
      code: 'STORE_FAILURE',
      message: expect.stringContaining('Another process has the folder'),
    });
    await store.close();
    const again = openPgliteRecordStore({ folder, clock });
    await again.migrate([ITEMS, PLAIN], () => {
      throw new Error('Nothing is to be filled');
    });
    expect(await again.get('items', 'a')).toMatchObject({ version });
    expect(await write(again, { puts: [item('b')] })).toBeGreaterThan(version);
    await again.close();
  });
});

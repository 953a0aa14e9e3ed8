import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPgliteRecordStore } from '../../src/adapters/record-store/pglite.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';
import { ITEMS, item, PLAIN, write } from '../conformance/record-fixture.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';
import { sharedPglite, withoutClosing } from '../support/record-stores.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let schemas = 0;

recordStoreSuite(
  'pglite',
  async () => {
    const database = await sharedPglite();
    const schema = `s${++schemas}`;
    return {
      open: (clock) =>
        openPgliteRecordStore({
          folder: null,
          schema,
          clock,
          watchIntervalMs: 5,
          openDatabase: async () => withoutClosing(database),
        }),
      remove: async () => void (await database.exec(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)),
    };
  },
  {
    schedules: 20,
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

import { join } from 'node:path';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

recordStoreSuite(
  'sqlite',
  async () => {
    const folder = makeTemporaryFolder();
    return {
      // Every search on the thread of searches; in memory there is none.
      open: (clock) =>
        openSqliteRecordStore({ file: join(folder.path, 'records.db'), clock, watchIntervalMs: 5, searchedHere: 0 }),
      remove: async () => folder.remove(),
    };
  },
  { unsupported: [] },
);

recordStoreSuite(
  'sqlite in memory',
  async () => ({ open: (clock) => openSqliteRecordStore({ file: ':memory:', clock }), remove: async () => {} }),
  {
    unsupported: [
      { capability: 'durable', reason: 'nothing is written to a file' },
      { capability: 'shared', reason: 'the database belongs to one connection' },
    ],
  },
);

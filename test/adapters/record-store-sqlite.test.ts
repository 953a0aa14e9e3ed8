import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';

recordStoreSuite(
  'sqlite',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'records-'));
    return {
      open: (clock) => openSqliteRecordStore({ file: join(folder, 'records.db'), clock, watchIntervalMs: 5 }),
      remove: () => rm(folder, { recursive: true }),
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

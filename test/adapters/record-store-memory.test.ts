import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';

recordStoreSuite(
  'memory',
  async () => ({ open: (clock) => openMemoryRecordStore({ clock }), remove: async () => {} }),
  {
    unsupported: [
      { capability: 'durable', reason: 'memory is gone with the process' },
      { capability: 'shared', reason: 'memory belongs to one process' },
    ],
  },
);

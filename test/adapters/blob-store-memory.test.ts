import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { blobStoreSuite } from '../conformance/blob-store.ts';

blobStoreSuite(
  'memory',
  async () => ({
    open: (clock, bounds) => openMemoryBlobStore({ ...bounds, clock }),
    leftovers: async () => [],
    remove: async () => undefined,
  }),
  { unsupported: [{ capability: 'shared', reason: 'its blobs are in one process' }] },
);

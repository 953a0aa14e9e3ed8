import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { createMemoryFront } from '../../src/adapters/blob-store/memory-front.ts';
import { blobStoreSuite } from '../conformance/blob-store.ts';

/** A memory before a store may not be told from the store alone. */
const SETTINGS = { pinOnAccess: true, maxBytes: 1024 * 1024 };

blobStoreSuite(
  'filesystem, behind a memory',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'blobs-'));
    const pathTemplate = '{digest:0:2}/{digest}';
    return {
      open: (clock, bounds) =>
        createMemoryFront(SETTINGS).before(openFilesystemBlobStore({ ...bounds, root, pathTemplate, clock })),
      leftovers: async () => (await readdir(join(root, 'tmp'))).concat(await readdir(join(root, 'aside'))),
      remove: () => rm(root, { recursive: true }),
    };
  },
  { unsupported: [{ capability: 'shared', reason: 'a memory does not see what other processes delete' }] },
);

blobStoreSuite(
  'memory, behind a memory',
  async () => ({
    open: (clock, bounds) => createMemoryFront(SETTINGS).before(openMemoryBlobStore({ ...bounds, clock })),
    leftovers: async () => [],
    remove: async () => undefined,
  }),
  { unsupported: [{ capability: 'shared', reason: 'it lives in one process' }] },
);

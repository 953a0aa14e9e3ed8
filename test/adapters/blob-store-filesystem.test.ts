import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { blobStoreSuite } from '../conformance/blob-store.ts';

for (const pathTemplate of ['sha256/{digest:0:2}/{digest:2:2}/{digest}', '{digest:60:4}/x-{digest}/data']) {
  blobStoreSuite(
    `filesystem, ${pathTemplate}`,
    async () => {
      const root = await mkdtemp(join(tmpdir(), 'blobs-'));
      return {
        open: (clock, bounds) => openFilesystemBlobStore({ ...bounds, root, pathTemplate, clock }),
        leftovers: async () => [
          ...(await readdir(join(root, 'tmp'))),
          ...(await readdir(join(root, 'aside'))),
          ...(await readdir(join(root, 'quarantine'))),
        ],
        remove: () => rm(root, { recursive: true }),
      };
    },
    { unsupported: [] },
  );
}

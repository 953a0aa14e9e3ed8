import { resolve } from 'node:path';
import type { GuardedBlobStore } from './adapters/guards/blob-store.ts';
import { blobStores } from './adapters/index.ts';
import type { BlobStoreDefinition } from './definition/types.ts';
import type { Clock } from './shared/clock.ts';

/** Opens the adapter that a definition names for one of its blob stores, in the data folder unless its root is absolute. */
export function openBlobStore(declared: BlobStoreDefinition, data: string, clock: Clock): GuardedBlobStore {
  const { kind, root, pathTemplate, maxBlobBytes, minBlobBytes } = declared;
  return adapterOf(kind).open({ root: resolve(data, root), pathTemplate, maxBlobBytes, minBlobBytes, clock });
}

/** Whether several processes may have the blobs of such a store. */
export function isShared({ kind }: BlobStoreDefinition): boolean {
  return adapterOf(kind).capabilities.shared;
}

function adapterOf(kind: string): (typeof blobStores)[keyof typeof blobStores] {
  return blobStores[kind as keyof typeof blobStores];
}

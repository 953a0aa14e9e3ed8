import type { Definition } from './definition/types.ts';
import { RegistryError } from './errors/registry-error.ts';
import { isShared as areBlobsShared } from './open-blob-store.ts';
import { isShared as areRecordsShared } from './open-record-store.ts';

/** Fails with STORE_NOT_SHARED and a sentence where only one process at a time can have a store of the definition. */
export function requireShared({ kvStores, blobStores }: Definition): void {
  for (const [name, store] of Object.entries(kvStores))
    if (!areRecordsShared(store)) refuse('record', name, store.kind);
  for (const [name, store] of Object.entries(blobStores)) if (!areBlobsShared(store)) refuse('blob', name, store.kind);
}

function refuse(what: string, name: string, kind: string): never {
  throw new RegistryError('STORE_NOT_SHARED', {
    message: `The ${what} store "${name}" is of the kind "${kind}", which one process has to itself: serve it with one worker, or keep it elsewhere`,
  });
}

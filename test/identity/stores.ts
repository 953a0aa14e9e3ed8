import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { IDENTITY_COLLECTIONS, projectIdentity } from '../../src/identity/collections.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { memoryStore, remote } from './fixture.ts';

/** Opens the same data once more, as another process does where the store can be shared. */
export type OpenAgain = () => Promise<RecordStore>;

/** The stores that identity is tried on. */
export const STORES: readonly { readonly name: string; open(clock: Clock): Promise<OpenAgain> }[] = [
  { name: 'memory', open: async (clock) => always(await memoryStore(clock)) },
  { name: 'a store that answers by promise', open: async (clock) => always(remote(await memoryStore(clock))) },
  { name: 'sqlite', open: openSqliteFolder },
];

function always(store: RecordStore): OpenAgain {
  return async () => store;
}

async function openSqliteFolder(clock: Clock): Promise<OpenAgain> {
  const folder = mkdtempSync(join(tmpdir(), 'identity-'));
  const stores: RecordStore[] = [];
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true });
  });
  return async () => {
    const store = openSqliteRecordStore({ file: join(folder, 'records.db'), clock });
    stores.push(store);
    await store.migrate(IDENTITY_COLLECTIONS, projectIdentity);
    return store;
  };
}

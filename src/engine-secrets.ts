import { randomBytes, randomUUID } from 'node:crypto';
import type { CollectionSpec, RecordStore } from './ports/record-store.ts';

/** The engine's own records: what all processes on one store must agree on. */
const COLLECTION = '$engine';
const SECRET_BYTES = 32;

/** For `RecordStore.migrate`, on the first record store. */
export const ENGINE_COLLECTIONS: readonly CollectionSpec[] = Object.freeze([{ name: COLLECTION, indexes: [] }]);

/** 32 random bytes under a name, which the first process to ask makes and all others find. */
export async function sharedSecret(store: RecordStore, key: string): Promise<Buffer> {
  for (;;) {
    const found = await store.get(COLLECTION, key);
    if (found !== null) return Buffer.from((JSON.parse(found.value) as { secret: string }).secret, 'base64');
    const value = JSON.stringify({ secret: randomBytes(SECRET_BYTES).toString('base64') });
    await store.commit({
      id: randomUUID(),
      checks: [{ kind: 'record', collection: COLLECTION, key, version: null }],
      puts: [{ collection: COLLECTION, key, value, expiresAt: null, rows: {} }],
      deletes: [],
      events: [],
    });
  }
}

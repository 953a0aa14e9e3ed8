import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import { IDENTITY_COLLECTIONS, projectIdentity } from '../../src/identity/collections.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';

export const SCOPES = ['read', 'publish', 'admin'];
/** So cheap that tests can hash at will; one test uses the real cost. */
export const CHEAP = { memoryKiB: 8, passes: 1, parallelism: 1 };
export const PASSWORD = 'correct horse battery';

/** A clock that stands until it is told to go on. */
export function steppingClock(start = Date.UTC(2030, 0, 1)): Clock & { advance(ms: number): void } {
  let now = start;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    sleep: async (ms) => {
      now += ms;
    },
  };
}

/** The same store answering by promise only, as a store behind a network does; it counts what it was asked. */
export function remote(store: RecordStore): RecordStore & { readonly reads: () => number } {
  let reads = 0;
  return {
    ...store,
    get: async (collection, key) => {
      reads++;
      await Promise.resolve();
      return store.get(collection, key);
    },
    query: async (query) => store.query(query),
    list: async (query) => store.list(query),
    commit: async (commit) => store.commit(commit),
    outcome: async (id) => store.outcome(id),
    sequence: async () => {
      await Promise.resolve();
      return store.sequence();
    },
    reads: () => reads,
  };
}

export async function memoryStore(clock: Clock): Promise<RecordStore> {
  const store = openMemoryRecordStore({ clock });
  await store.migrate(IDENTITY_COLLECTIONS, projectIdentity);
  return store;
}

/** Identity over a store, with a user `ada` who may read and publish. */
export async function withAda(store: RecordStore, clock: Clock) {
  const identity = openIdentity({ store, clock, scopes: SCOPES, hashCost: CHEAP });
  await identity.createUser({
    username: 'ada',
    password: PASSWORD,
    scopes: ['read', 'publish'],
    roles: ['author'],
    org: 'acme',
  });
  return identity;
}

export function bearer(token: string): readonly string[] {
  return [`Bearer ${token}`];
}

export function basic(username: string, password: string): readonly string[] {
  return [`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`];
}

/** The error that something throws or rejects with. */
export async function failure(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing failed');
}

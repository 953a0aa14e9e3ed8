import { describe, expect, test } from 'vitest';
import { blobStores, recordStores } from '../../src/adapters/index.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import type { IndexSpec, RecordStore } from '../../src/ports/record-store.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { verifyBlobStore } from '../../src/verify/blob-probes.ts';
import { verifyIndex } from '../../src/verify/index-probes.ts';
import { verifyEventLog, verifyRecordStore } from '../../src/verify/record-probes.ts';
import type { Check } from '../../src/verify/report.ts';

const INDEX: IndexSpec = {
  name: 'things',
  columns: ['owner', 'rank', 'code'],
  arrays: ['labels'],
  keys: [
    { name: 'all', fields: [], sort: [{ column: 'rank', descending: false }], unique: false },
    { name: 'by_owner', fields: ['owner'], sort: [{ column: 'rank', descending: true }], unique: false },
    { name: 'by_label', fields: ['labels'], sort: [], unique: false },
    { name: 'by_code', fields: ['code'], sort: [], unique: true },
  ],
  revision: '1',
};

async function openRecords(): Promise<RecordStore> {
  const store = recordStores.memory.open({ name: 'meta', data: null, path: null, server: null });
  await store.migrate([{ name: 'thing', indexes: [INDEX] }], () => ({}));
  return store;
}

function openBlobs(): BlobStore {
  const options = { root: '/nowhere', pathTemplate: '{digest}', maxBlobBytes: 1_000_000, minBlobBytes: 0 };
  return blobStores.memory.open({ ...options, clock: systemClock });
}

const failures = (checks: readonly Check[]) =>
  checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);

describe('probes of stores', () => {
  test('find nothing wrong with stores that are right, also a second time', async () => {
    const store = await openRecords();
    for (const _ of [1, 2]) {
      expect(failures(await verifyRecordStore('meta', store, 'thing'))).toEqual([]);
      expect(failures(await verifyIndex(store, 'thing', INDEX))).toEqual([]);
    }
    expect(failures(await verifyEventLog('meta', store, 'thing'))).toEqual([]);
    expect(failures(await verifyBlobStore('primary', openBlobs(), undefined))).toEqual([]);
  });

  test('find commits that do not check, and the events that come of it', async () => {
    const store = await openRecords();
    const lax: RecordStore = { ...store, commit: (commit) => store.commit({ ...commit, checks: [] }) };
    expect(failures(await verifyRecordStore('meta', lax, 'thing'))).toEqual([
      'meta writes a record that must be absent only once',
      'meta writes a record only over the version that was read',
      'meta applies a commit as a whole or not at all',
    ]);
    expect(failures(await verifyEventLog('meta', lax, 'thing'))).toContain(
      'meta drops the events of a commit that is refused',
    );
  });

  test('find commits that are applied twice, and deletes that are not', async () => {
    const store = await openRecords();
    let count = 0;
    const again: RecordStore = {
      ...store,
      commit: (commit) => store.commit({ ...commit, id: `${commit.id}-${count++}`, deletes: [] }),
    };
    expect(failures(await verifyRecordStore('meta', again, 'thing'))).toEqual([
      'meta applies a commit once, however often it is sent',
      'meta forgets a record that is deleted',
    ]);
  });

  test('find a log that is out of order', async () => {
    const store = await openRecords();
    const shuffled: RecordStore = { ...store, events: async (...args) => [...(await store.events(...args))].reverse() };
    expect(failures(await verifyEventLog('meta', shuffled, 'thing'))).toEqual([
      'meta shows events in the order of their commits',
    ]);
  });

  test('find an index that gives the wrong order, that forgets nothing, and one that is not unique', async () => {
    const store = await openRecords();
    const reversed: RecordStore = {
      ...store,
      async query(query) {
        const page = await store.query(query);
        return { ...page, records: [...page.records].reverse() };
      },
    };
    expect(failures(await verifyIndex(reversed, 'thing', INDEX))).toEqual([
      'index things finds by all',
      'index things finds by by_owner',
      'index things finds by by_label',
    ]);
    const loose = { ...INDEX, keys: INDEX.keys.map((key) => ({ ...key, unique: false })) };
    const other = recordStores.memory.open({ name: 'meta', data: null, path: null, server: null });
    await other.migrate([{ name: 'thing', indexes: [loose] }], () => ({}));
    expect(failures(await verifyIndex(other, 'thing', INDEX))).toEqual(['index things finds by by_code']);
  });

  test('find blobs that are not checked, are stored twice, or stay', async () => {
    const store = openBlobs();
    const lax: BlobStore = {
      ...store,
      put: async (source, options) => ({ ...(await store.put(source, { ...options, expect: null })), existed: false }),
      delete: () => Promise.resolve(true),
    };
    expect(failures(await verifyBlobStore('primary', lax, undefined))).toEqual([
      'blobs of primary are stored once',
      'blobs of primary that are not what they should be are refused',
      'blobs of primary are gone when they are deleted',
    ]);
    const other = openBlobs();
    const wrong: BlobStore = {
      ...other,
      put: async (...args) => ({ ...(await other.put(...args)), digest: `sha256:${'a'.repeat(64)}` }),
    };
    expect(failures(await verifyBlobStore('primary', wrong, undefined))).toContain(
      'blobs of primary are addressed by their content',
    );
  });
});

import { expect, it } from 'vitest';
import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { startLeaseSweeper } from '../../src/jobs/lease-sweeper.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import { makeBytes, putBytes } from '../conformance/blob-content.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';

const EVERY_MS = 1000;

function setUp(named: ReadonlySet<string> = new Set()) {
  const clock = createFakeClock();
  const open = () => openMemoryBlobStore({ clock, maxBlobBytes: 1000, minBlobBytes: 0 });
  const errors: unknown[] = [];
  const start = (stores: readonly BlobStore[]) =>
    startLeaseSweeper({
      stores,
      isReferenced: (digest) => named.has(digest),
      everyMs: EVERY_MS,
      clock,
      onError: (error) => errors.push(error),
    });
  return { clock, open, errors, start };
}

/** Lets what is due happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it('sweeps at its start, and then again and again', async () => {
  const { clock, open, start } = setUp();
  const store = open();
  const first = await putBytes(store, makeBytes(10), 1);
  clock.advance(1);
  const sweeper = start([store]);
  await settle();
  expect(await store.stat(first.digest)).toBeNull();
  for (let round = 0; round < 3; round++) {
    const put = await putBytes(store, makeBytes(10), 1);
    clock.advance(EVERY_MS - 1);
    await settle();
    expect(await store.stat(put.digest)).not.toBeNull();
    clock.advance(1);
    await settle();
    expect(await store.stat(put.digest)).toBeNull();
  }
  await sweeper.stop();
});

it('sweeps all stores when it is told to, and keeps what a record names', async () => {
  const named = new Set<string>();
  const { clock, open, start } = setUp(named);
  const stores = [open(), open()];
  const sweeper = start(stores);
  await settle();
  for (const store of stores) {
    await putBytes(store, makeBytes(10), 1);
    named.add((await putBytes(store, makeBytes(20), 1)).digest);
  }
  clock.advance(1);
  expect(await sweeper.runNow()).toEqual({ deletedBlobs: 2, deletedTemporaryFiles: 0 });
  for (const store of stores) expect((await store.list(null, 10)).map((blob) => blob.size)).toEqual([20]);
  await sweeper.stop();
});

it('tells of a failure, sweeps the other stores, and comes again', async () => {
  const { clock, open, errors, start } = setUp();
  const failure = new Error('The disk is away');
  let isAway = true;
  const inner = open();
  const first: BlobStore = {
    ...inner,
    sweep: (isReferenced) => (isAway ? Promise.reject(failure) : inner.sweep(isReferenced)),
  };
  const second = open();
  await putBytes(first, makeBytes(10), 1);
  await putBytes(second, makeBytes(10), 1);
  clock.advance(1);
  const sweeper = start([first, second]);
  await settle();
  expect(errors).toEqual([failure]);
  expect([await first.list(null, 9), await second.list(null, 9)].map((blobs) => blobs.length)).toEqual([1, 0]);
  await expect(sweeper.runNow()).rejects.toBe(failure);
  isAway = false;
  clock.advance(EVERY_MS);
  await settle();
  expect(await first.list(null, 9)).toEqual([]);
  expect(errors).toHaveLength(1);
  await sweeper.stop();
});

it('waits for the run under way when it stops, and starts no other', async () => {
  const { clock, open, start } = setUp();
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const store: BlobStore = {
    ...open(),
    async sweep() {
      runs += 1;
      await gate.promise;
      return { deletedBlobs: 0, deletedTemporaryFiles: 0 };
    },
  };
  const sweeper = start([store]);
  await settle();
  let isStopped = false;
  const stopping = sweeper.stop().then(() => {
    isStopped = true;
  });
  await settle();
  expect(isStopped).toBe(false);
  gate.resolve();
  await stopping;
  await sweeper.stop();
  clock.advance(10 * EVERY_MS);
  await settle();
  expect(runs).toBe(1);
  await expect(sweeper.runNow()).rejects.toMatchObject({ code: 'CLOSING' });
});

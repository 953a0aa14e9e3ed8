import { expect, it } from 'vitest';
import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import { startExpirySweeper } from '../../src/jobs/expiry-sweeper.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';

const EVERY_MS = 1000;

it('removes what has expired at its start, again and again, and all of it when told to', async () => {
  const clock = createFakeClock();
  const store = openMemoryRecordStore({ clock });
  await store.migrate([{ name: 'c', indexes: [] }], () => ({}));
  const write = (id: string, count: number, ttlMs: number | null) =>
    store.commit({
      id,
      checks: [],
      puts: Array.from({ length: count }, (_, n) => ({
        collection: 'c',
        key: `${id}/${n}`,
        value: '{}',
        expiresAt: ttlMs === null ? null : clock.now() + ttlMs,
        rows: {},
      })),
      deletes: [],
      events: [],
    });
  await write('early', 3, 1);
  await write('kept', 1, null);
  clock.advance(1);
  const counts: number[] = [];
  const counted = {
    sweepExpired: async (limit: number) => {
      const count = await store.sweepExpired(limit);
      counts.push(count);
      return count;
    },
  };
  const sweeper = startExpirySweeper({
    stores: [counted],
    everyMs: EVERY_MS,
    clock,
    onError: (error) => expect.unreachable(String(error)),
  });
  await settle();
  expect(counts).toEqual([3]);
  await write('late', 1200, 10);
  clock.advance(EVERY_MS);
  await settle();
  // In batches, until one is not full.
  expect(counts).toEqual([3, 500, 500, 200]);
  expect(await sweeper.runNow()).toBe(0);
  await sweeper.stop();
  expect(await store.get('c', 'kept/0')).not.toBeNull();
});

it('goes on after a failure', async () => {
  const clock = createFakeClock();
  const errors: unknown[] = [];
  const failing = { sweepExpired: () => Promise.reject(new Error('no')) };
  const sweeper = startExpirySweeper({ stores: [failing], everyMs: EVERY_MS, clock, onError: (e) => errors.push(e) });
  await settle();
  clock.advance(EVERY_MS);
  await settle();
  expect(errors).toEqual([new Error('no'), new Error('no')]);
  await sweeper.stop();
});

/** Lets what is due happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

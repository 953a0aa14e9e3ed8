import { expect, it } from 'vitest';
import { nodeFileIo } from '../../src/adapters/blob-store/filesystem-io.ts';
import { createQuickIo } from '../../src/adapters/blob-store/filesystem-quick.ts';

/** A disk whose calls take so many milliseconds, and what went which way. */
function open(takesMs: number) {
  let now = 0;
  const ways: string[] = [];
  const quick = createQuickIo(
    {
      ...nodeFileIo,
      renameNow() {
        ways.push('now');
        now += takesMs;
      },
      async rename() {
        ways.push('later');
      },
      writeNow: (_, bytes) => {
        ways.push('now');
        return bytes.byteLength;
      },
      async write(_, bytes) {
        ways.push('later');
        return bytes.byteLength;
      },
    },
    () => now,
  );
  return {
    quick,
    /** Renames, with so much time between; which way it went. */
    async rename(pauseMs: number) {
      now += pauseMs;
      await quick.rename('a', 'b');
      return ways.at(-1);
    },
    ways,
  };
}

it('makes calls at once for as long as they take little of the time', async () => {
  const disk = open(0.05);
  for (let call = 0; call < 10_000; call++) await disk.rename(0.2);
  expect(new Set(disk.ways)).toEqual(new Set(['now']));
});

it('leaves them to the thread pool once they have held the event loop for too long, and comes back', async () => {
  const disk = open(5);
  const first = [];
  for (let call = 0; call < 10; call++) first.push(await disk.rename(0));
  expect(first).toEqual([...Array(6).fill('now'), ...Array(4).fill('later')]);
  expect(await disk.rename(5)).toBe('later');
  expect(await disk.rename(10)).toBe('now');
});

it('holds the event loop for a quarter of the time at most', async () => {
  const disk = open(3);
  let held = 0;
  for (let call = 0; call < 10_000; call++) if ((await disk.rename(1)) === 'now') held += 3;
  expect(held / (held + 10_000)).toBeLessThan(0.26);
  expect(held / (held + 10_000)).toBeGreaterThan(0.2);
});

it('comes back from one long wait when it was paid for', async () => {
  const disk = open(400);
  expect(await disk.rename(0)).toBe('now');
  expect(await disk.rename(1000)).toBe('later');
  expect(await disk.rename(200)).toBe('now');
});

it('leaves large pieces to the thread pool', async () => {
  const { quick, ways } = open(0);
  expect(await quick.write(1, new Uint8Array(65_535), 0)).toBe(65_535);
  expect(await quick.write(1, new Uint8Array(65_536), 0)).toBe(65_536);
  expect(ways).toEqual(['now', 'later']);
});

it('gives failures as they are, whichever way', async () => {
  const failing = createQuickIo(nodeFileIo);
  expect(() => failing.unlink('/nowhere/at-all')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(await failing.stat('/nowhere/at-all')).toBeNull();
});

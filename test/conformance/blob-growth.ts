import { expect, it } from 'vitest';
import type { GrowingBytes } from '../../src/ports/blob-store.ts';
import { createTap, digestOf, failingAfter, inChunks, makeBytes } from './blob-content.ts';
import type { BlobSuite } from './blob-store.ts';

/** Notes what a put tells of its growth, and closes it in the end. */
function createReader() {
  const sizes: number[] = [];
  let seen: GrowingBytes | null = null;
  return {
    sizes,
    onGrowth(growing: GrowingBytes) {
      expect(seen === null || seen === growing).toBe(true);
      seen = growing;
      sizes.push(growing.size);
    },
    async readFrom(start: number, maxBytes: number): Promise<Buffer> {
      const pieces: Uint8Array[] = [];
      for (let at = start; seen !== null && at < seen.size; ) {
        const piece = await seen.read(at, maxBytes);
        expect(piece.byteLength).toBeGreaterThan(0);
        expect(piece.byteLength).toBeLessThanOrEqual(maxBytes);
        pieces.push(Buffer.from(piece));
        at += piece.byteLength;
      }
      return Buffer.concat(pieces);
    },
    close: async () => seen?.close(),
  };
}

/** Reading what is put while it comes. */
export function blobGrowthSuite(suite: BlobSuite): void {
  it.each([1, 65_535, 65_536, 65_537, 1_000_000])(
    'lets %i bytes be read along, all of them in the end',
    async (length) => {
      const bytes = makeBytes(length);
      const reader = createReader();
      const { onGrowth } = reader;
      await suite.store.put(inChunks(bytes, 10_000), { leaseMs: 1000, onGrowth });
      expect(reader.sizes.at(-1)).toBe(length);
      expect(reader.sizes).toEqual([...new Set(reader.sizes)].sort((a, b) => a - b));
      expect((await reader.readFrom(0, 30_000)).equals(bytes)).toBe(true);
      expect((await reader.readFrom(length - 1, 10)).equals(bytes.subarray(length - 1))).toBe(true);
      await reader.close();
    },
  );

  it('shows what has come before the rest is there', async () => {
    const bytes = makeBytes(200_000);
    const tap = createTap();
    const grown = Promise.withResolvers<void>();
    const reader = createReader();
    const putting = suite.store.put(tap.source, {
      leaseMs: 1000,
      onGrowth(growing) {
        reader.onGrowth(growing);
        grown.resolve();
      },
    });
    tap.give(bytes.subarray(0, 150_000));
    await grown.promise;
    expect((await reader.readFrom(0, 64_000)).equals(bytes.subarray(0, 150_000))).toBe(true);
    expect(await suite.store.stat(digestOf(bytes))).toBeNull();
    tap.give(bytes.subarray(150_000));
    tap.end();
    await putting;
    expect((await reader.readFrom(150_000, 64_000)).equals(bytes.subarray(150_000))).toBe(true);
    await reader.close();
  });

  it('shows all of what is stored already', async () => {
    const bytes = makeBytes(100_000);
    await suite.store.put(inChunks(bytes), { leaseMs: 1000 });
    const reader = createReader();
    const again = await suite.store.put(inChunks(bytes), { leaseMs: 1000, onGrowth: reader.onGrowth });
    expect(again.existed).toBe(true);
    expect((await reader.readFrom(0, 64_000)).equals(bytes)).toBe(true);
    await reader.close();
  });

  it('can be read after the blob is gone', async () => {
    const bytes = makeBytes(100_000);
    const reader = createReader();
    const { digest } = await suite.store.put(inChunks(bytes), { leaseMs: 1000, onGrowth: reader.onGrowth });
    expect(await suite.store.delete(digest)).toBe(true);
    expect((await reader.readFrom(0, 64_000)).equals(bytes)).toBe(true);
    await reader.close();
  });

  it('leaves nothing when the source breaks off, though it was read', async () => {
    const bytes = makeBytes(100_000);
    const reader = createReader();
    const { onGrowth } = reader;
    const broken = suite.store.put(failingAfter(bytes, new Error('broken')), { leaseMs: 1000, onGrowth });
    await expect(broken).rejects.toThrow('broken');
    expect((await reader.readFrom(0, 64_000)).equals(bytes)).toBe(true);
    await reader.close();
    expect(await suite.store.list(null, 10)).toEqual([]);
  });

  it('leaves nothing of what is not as expected, though it was read', async () => {
    const bytes = makeBytes(200_000);
    const reader = createReader();
    const expected = { digest: digestOf(makeBytes(1)) };
    const putting = suite.store.put(inChunks(bytes, 1000), {
      leaseMs: 1000,
      expect: expected,
      onGrowth: reader.onGrowth,
    });
    await expect(putting).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await reader.close();
    expect(await suite.store.list(null, 10)).toEqual([]);
  });

  it('does not tell of nothing', async () => {
    const reader = createReader();
    await suite.store.put(inChunks(Buffer.alloc(0)), { leaseMs: 1000, onGrowth: reader.onGrowth });
    expect(reader.sizes).toEqual([]);
  });
}

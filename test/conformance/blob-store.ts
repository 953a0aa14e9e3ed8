import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobBounds } from '../../src/adapters/blob-store/intake.ts';
import { type GuardedBlobStore, guardBlobStore } from '../../src/adapters/guards/blob-store.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import {
  createTap,
  digestOf,
  failingAfter,
  inChunks,
  makeBytes,
  putBytes,
  putWhole,
  readContent,
} from './blob-content.ts';
import { blobGrowthSuite } from './blob-growth.ts';
import { blobLeaseSuite } from './blob-leases.ts';
import { blobUploadSuite } from './blob-uploads.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** One place where blobs are kept, and ways to look at it. */
export interface BlobPlace {
  /** A store on the place; a second one is like a second process, or one started after the first was killed. */
  open(clock: FakeClock, bounds: BlobBounds): BlobStore;
  /** What lies about that is neither a blob nor a lease nor an upload. */
  leftovers(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

export interface BlobSuite {
  readonly store: GuardedBlobStore;
  readonly clock: FakeClock;
  readonly place: BlobPlace;
  /** Another store on the same place; only where the store is shared. */
  another(): GuardedBlobStore;
}

export type UnsupportedBlobCapability = 'shared';

const BOUNDS = { maxBlobBytes: 8 * 1024 * 1024, minBlobBytes: 0 };

/** What every blob store must do. */
export function blobStoreSuite(
  name: string,
  makePlace: () => Promise<BlobPlace>,
  options: { readonly unsupported: readonly { capability: UnsupportedBlobCapability; reason: string }[] },
): void {
  describe(`blob store ${name}`, () => {
    let place: BlobPlace;
    let clock: FakeClock;
    let store: GuardedBlobStore;
    const suite: BlobSuite = {
      get store() {
        return store;
      },
      get clock() {
        return clock;
      },
      get place() {
        return place;
      },
      another: () => guardBlobStore(place.open(clock, BOUNDS)),
    };

    beforeEach(async () => {
      place = await makePlace();
      clock = createFakeClock();
      store = guardBlobStore(place.open(clock, BOUNDS));
    });
    afterEach(async () => {
      await store.close();
      expect(await place.leftovers()).toEqual([]);
      await place.remove();
    });

    it.each([0, 1, 4095, 65_535, 65_536, 65_537, 1_000_000])('gives back %i bytes as they were put', async (length) => {
      const bytes = makeBytes(length);
      const put = await store.put(inChunks(bytes, 10_000), { leaseMs: 1000 });
      expect(put).toMatchObject({ digest: digestOf(bytes), size: length, existed: false });
      expect(await store.stat(put.digest)).toEqual({ digest: put.digest, size: length });
      const content = await store.get(put.digest);
      expect(content?.size).toBe(length);
      expect(content?.bytes === null).toBe(length > 65_536);
      expect((await readContent(content))?.equals(bytes)).toBe(true);
    });

    it.each([0, 1, 65_536, 1_000_000])('gives back %i bytes that were all there', async (length) => {
      const bytes = makeBytes(length);
      const now = await store.put(bytes, { leaseMs: 1000, algorithms: ['sha512'] });
      expect(now).toMatchObject({ digest: digestOf(bytes), size: length, existed: false, placing: null });
      expect(now.digests).toEqual({ sha256: digestOf(bytes), sha512: digestOf(bytes, 'sha512') });
      const other = makeBytes(length + 1, 2);
      const later = await store.put(other, { leaseMs: 1000, algorithms: ['sha1'], isPlacedLater: true });
      expect(later.digests).toEqual({ sha256: digestOf(other), sha1: digestOf(other, 'sha1') });
      await later.placing;
      for (const put of [bytes, other]) expect(await readContent(await store.get(digestOf(put)))).toEqual(put);
    });

    it('keeps bytes that are placed later as it keeps others', async () => {
      const bytes = makeBytes(100);
      const puts = await Promise.all([putWhole(store, bytes), putBytes(store, bytes), putWhole(store, bytes)]);
      const again = await putWhole(store, bytes);
      for (const { lease } of puts) await store.release(lease, false);
      expect((await store.sweep(() => false)).deletedBlobs).toBe(0);
      await store.release(again.lease, false);
      expect((await store.sweep(() => false)).deletedBlobs).toBe(1);
      expect(await store.get(again.digest)).toBeNull();
    });

    it('refuses bytes that are not what they should be, and leaves nothing', async () => {
      const bytes = makeBytes(100);
      const refused = (options: object) => store.put(bytes, { leaseMs: 1000, isPlacedLater: true, ...options });
      await expect(refused({ expect: { digest: digestOf(makeBytes(3), 'sha1') } })).rejects.toThrow(
        expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
      );
      await expect(refused({ expect: { size: 99 } })).rejects.toThrow(
        expect.objectContaining({ code: 'SIZE_MISMATCH' }),
      );
      await expect(refused({ maxBytes: 99 })).rejects.toThrow(expect.objectContaining({ code: 'BLOB_TOO_LARGE' }));
      const reason = new Error('gone');
      await expect(refused({ signal: AbortSignal.abort(reason) })).rejects.toThrow(reason);
      expect(await store.list(null, 10)).toEqual([]);
    });

    it.each([1, 70_000, 300_000])('takes chunks of %i bytes', async (chunkBytes) => {
      const bytes = makeBytes(chunkBytes === 1 ? 2000 : 1_000_001);
      const put = await store.put(inChunks(bytes, chunkBytes), { leaseMs: 1000 });
      expect((await readContent(await store.get(put.digest)))?.equals(bytes)).toBe(true);
    });

    it('does not keep the memory of a chunk that its source uses again', async () => {
      async function* reused() {
        const chunk = Buffer.alloc(10);
        for (const fill of [1, 2, 3]) yield chunk.fill(fill);
      }
      const put = await store.put(reused(), { leaseMs: 1000 });
      expect(await readContent(await store.get(put.digest))).toEqual(
        Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(10, 2), Buffer.alloc(10, 3)]),
      );
    });

    it('gives bytes that their reader may change', async () => {
      const put = await putBytes(store, makeBytes(100));
      const first = await store.get(put.digest);
      first?.bytes?.fill(0);
      expect(await readContent(await store.get(put.digest))).toEqual(makeBytes(100));
    });

    it('stores equal content once, for 8 writers at a time, with a lease for each', async () => {
      const bytes = makeBytes(200_000);
      const puts = await Promise.all(Array.from({ length: 8 }, () => putBytes(store, bytes)));
      expect(puts.filter((put) => !put.existed)).toHaveLength(1);
      expect(new Set(puts.map((put) => put.lease.id)).size).toBe(8);
      expect(await store.list(null, 10)).toEqual([{ digest: digestOf(bytes), size: 200_000 }]);
    });

    it('takes further hashes in the same pass', async () => {
      const bytes = makeBytes(5000);
      const put = await store.put(inChunks(bytes), { leaseMs: 1000, algorithms: ['sha512', 'sha1', 'md5'] });
      for (const algorithm of ['sha256', 'sha512', 'sha1', 'md5'] as const) {
        expect(put.digests[algorithm]).toBe(digestOf(bytes, algorithm));
      }
    });

    it.each(['sha256', 'sha512', 'sha1', 'md5'])('holds content against an expected %s', async (algorithm) => {
      const bytes = makeBytes(70_000);
      const wrong = { digest: digestOf(makeBytes(70_000, 2), algorithm) };
      await expect(store.put(inChunks(bytes), { leaseMs: 1000, expect: wrong })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect(await store.stat(digestOf(bytes))).toBeNull();
      const right = { digest: digestOf(bytes, algorithm).replace(/[a-f]/g, (digit) => digit.toUpperCase()) };
      right.digest = right.digest.replace(/^[^:]+/, algorithm);
      await store.put(inChunks(bytes), { leaseMs: 1000, expect: right });
      expect(await store.stat(digestOf(bytes))).not.toBeNull();
    });

    it.each([
      [{ digest: 'sha256:12' }, 'DIGEST_INVALID'],
      [{ digest: 'crc32:00000000' }, 'DIGEST_INVALID'],
      [{ digest: '' }, 'DIGEST_INVALID'],
      [{ size: 99_999 }, 'SIZE_MISMATCH'],
      [{ size: 100_001 }, 'SIZE_MISMATCH'],
      [{ size: 9_000_000 }, 'BLOB_TOO_LARGE'],
      [{ size: -1 }, 'VALUE_INVALID'],
    ])('refuses content with the expectation %j: %s', async (expectation, code) => {
      const bytes = makeBytes(100_000);
      await expect(store.put(inChunks(bytes), { leaseMs: 1000, expect: expectation })).rejects.toMatchObject({ code });
      expect(await store.list(null, 10)).toEqual([]);
    });

    it('takes null for no expectation', async () => {
      const put = await store.put(inChunks(makeBytes(10)), {
        leaseMs: 1000,
        expect: { digest: null, size: null },
        maxBytes: null,
      });
      expect(put.size).toBe(10);
    });

    it('stops reading at the limit of the put or of the store', async () => {
      let given = 0;
      async function* endless() {
        for (;;) {
          given += 100_000;
          yield makeBytes(100_000);
        }
      }
      await expect(store.put(endless(), { leaseMs: 1000, maxBytes: 500_000 })).rejects.toMatchObject({
        code: 'BLOB_TOO_LARGE',
      });
      expect(given).toBe(600_000);
      await expect(store.put(endless(), { leaseMs: 1000, maxBytes: 1e12 })).rejects.toMatchObject({
        code: 'BLOB_TOO_LARGE',
      });
      expect(given).toBeLessThan(10_000_000);
      await store.put(inChunks(makeBytes(500_000)), { leaseMs: 1000, maxBytes: 500_000 });
    });

    it('refuses what is smaller than the store takes', async () => {
      const strict = guardBlobStore(place.open(clock, { maxBlobBytes: 100, minBlobBytes: 5 }));
      await expect(putBytes(strict, makeBytes(4))).rejects.toMatchObject({ code: 'BLOB_TOO_SMALL' });
      await expect(putBytes(strict, makeBytes(0))).rejects.toMatchObject({ code: 'BLOB_TOO_SMALL' });
      expect((await putBytes(strict, makeBytes(5))).size).toBe(5);
    });

    it.each([10, 300_000])('fails with the error of its source after %i bytes and leaves nothing', async (length) => {
      const error = Object.assign(new Error('The line broke'), { code: 'ECONNRESET', syscall: 'read' });
      await expect(store.put(failingAfter(makeBytes(length), error), { leaseMs: 1000 })).rejects.toBe(error);
      expect(await store.list(null, 10)).toEqual([]);
      expect(await place.leftovers()).toEqual([]);
    });

    it('refuses chunks that are not bytes', async () => {
      const source = Readable.from(['text', 'more text']);
      await expect(store.put(source, { leaseMs: 1000 })).rejects.toMatchObject({ code: 'VALUE_INVALID' });
      expect(source.destroyed).toBe(true);
    });

    it('ends a put whose signal aborts while its source hangs', async () => {
      const aborting = new AbortController();
      const tap = createTap();
      const put = store.put(tap.source, { leaseMs: 1000, signal: aborting.signal });
      tap.give(makeBytes(200_000));
      const reason = new Error('The client went away');
      setImmediate(() => aborting.abort(reason));
      await expect(put).rejects.toBe(reason);
      const readable = new Readable({ read() {} });
      const hanging = store.put(readable, { leaseMs: 1000, signal: AbortSignal.timeout(5) });
      await expect(hanging).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(readable.destroyed).toBe(true);
    });

    it('asks its source for no more than it has written', async () => {
      let given = 0;
      let taken = 0;
      const source: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          async next() {
            // Asked for again only when the chunk before was dealt with.
            expect(given).toBe(taken);
            if (given === 20) return { done: true, value: undefined };
            given += 1;
            queueMicrotask(() => {
              taken += 1;
            });
            return { done: false, value: makeBytes(100_000, given) };
          },
        }),
      };
      expect((await store.put(source, { leaseMs: 1000 })).size).toBe(2_000_000);
    });

    it.each([1000, 65_536, 500_000])('gives ranges of %i bytes', async (length) => {
      const bytes = makeBytes(length);
      const { digest } = await putBytes(store, bytes);
      const last = length - 1;
      const ranges = [
        [0, 0],
        [0, last],
        [last, last],
        [10, 999],
        [1, last + 1000],
        [0, Number.MAX_SAFE_INTEGER],
        [Math.floor(length / 3), Math.floor(length / 2)],
      ] as const;
      for (const fresh of [false, true]) {
        const reader = fresh && store.capabilities.shared ? suite.another() : store;
        for (const [start, end] of ranges) {
          const content = await reader.get(digest, { start, end });
          expect(content?.size).toBe(length);
          expect((await readContent(content))?.equals(bytes.subarray(start, end + 1))).toBe(true);
        }
        const beyond = async () => reader.get(digest, { start: length, end: length + 5 });
        await expect(beyond()).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE', details: { size: length } });
      }
      expect(() => store.get(digest, { start: 5, end: 4 })).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }));
      expect(() => store.get(digest, { start: -5, end: 4 })).toThrow(
        expect.objectContaining({ code: 'VALUE_INVALID' }),
      );
    });

    it('lets go of a stream that is destroyed half read', async () => {
      const { digest } = await putBytes(store, makeBytes(3_000_000));
      for (let round = 0; round < 20; round++) {
        const content = await store.get(digest);
        for await (const chunk of content?.stream ?? []) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        expect(content?.stream?.destroyed).toBe(true);
      }
    });

    it.each([
      'sha256:..',
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'a'.repeat(63)}/`,
      `sha512:${'a'.repeat(64)}`,
      '../../etc/passwd',
      '',
    ])('refuses %j as an address', async (digest) => {
      const invalid = { code: 'DIGEST_INVALID' };
      await expect((async () => store.get(digest))()).rejects.toMatchObject(invalid);
      await expect((async () => store.stat(digest))()).rejects.toMatchObject(invalid);
      await expect(store.delete(digest)).rejects.toMatchObject(invalid);
      await expect(store.lease(digest, 1000)).rejects.toMatchObject(invalid);
      await expect(store.list(digest, 10)).rejects.toMatchObject(invalid);
      await expect(store.release({ digest, id: 'x' }, true)).rejects.toMatchObject(invalid);
    });

    it('knows nothing of what is absent, and of what was deleted', async () => {
      const digest = digestOf(makeBytes(10));
      const isAbsent = async () => {
        expect(await store.get(digest)).toBeNull();
        expect(await store.stat(digest)).toBeNull();
        expect(await store.lease(digest, 1000)).toBeNull();
        expect(await store.delete(digest)).toBe(false);
      };
      await isAbsent();
      await putBytes(store, makeBytes(10));
      expect(await store.delete(digest)).toBe(true);
      await isAbsent();
      expect((await putBytes(store, makeBytes(10))).existed).toBe(false);
    });

    it('lists digests in byte order, page by page', async () => {
      const puts = await Promise.all(Array.from({ length: 60 }, (_, seed) => putBytes(store, makeBytes(20, seed))));
      const expected = puts.map((put) => put.digest).sort();
      const listed: string[] = [];
      for (let after: string | null = null; ; after = listed.at(-1) ?? null) {
        const page = await store.list(after, 7);
        listed.push(...page.map((blob) => blob.digest));
        if (page.length < 7) break;
      }
      expect(listed).toEqual(expected);
      expect(await store.list(`sha256:${'f'.repeat(64)}`, 5)).toEqual([]);
      expect(await store.list(`sha256:${'0'.repeat(64)}`, 1)).toEqual([{ digest: expected[0], size: 20 }]);
    });

    it('waits for puts in flight when it closes, and refuses new work', async () => {
      const tap = createTap();
      const put = store.put(tap.source, { leaseMs: 1000 });
      const closing = store.close();
      tap.give(makeBytes(10));
      tap.end();
      expect((await put).size).toBe(10);
      await closing;
      await store.close();
      await expect(putBytes(store, makeBytes(10))).rejects.toMatchObject({ code: 'CLOSING' });
      expect(() => store.get(digestOf(makeBytes(10)))).toThrow(expect.objectContaining({ code: 'CLOSING' }));
    });

    it('is healthy and counts its calls', async () => {
      expect(await store.health()).toMatchObject({ ok: true });
      await putBytes(store, makeBytes(10));
      await expect(store.put(inChunks(makeBytes(10)), { leaseMs: 0 })).rejects.toMatchObject({ code: 'VALUE_INVALID' });
      expect(store.stats().put).toMatchObject({ calls: 2, failures: 1 });
    });

    blobGrowthSuite(suite);
    blobLeaseSuite(suite, options.unsupported);
    blobUploadSuite(suite, options.unsupported);
  });
}

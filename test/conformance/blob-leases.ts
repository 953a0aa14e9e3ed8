import { describe, expect, it } from 'vitest';
import { digestOf, makeBytes, putBytes, readContent } from './blob-content.ts';
import type { BlobSuite, UnsupportedBlobCapability } from './blob-store.ts';

const NOBODY = () => false;

/** Leases and sweeping, part of the blob store's suite. */
export function blobLeaseSuite(
  suite: BlobSuite,
  unsupported: readonly { capability: UnsupportedBlobCapability; reason: string }[],
): void {
  const content = makeBytes(1000);
  const digest = digestOf(content);

  describe('leases', () => {
    it('holds what was put until the lease ends by time', async () => {
      await putBytes(suite.store, content, 1000);
      suite.clock.advance(999);
      expect(await suite.store.sweep(NOBODY)).toEqual({ deletedBlobs: 0, deletedTemporaryFiles: 0 });
      suite.clock.advance(1);
      expect(await suite.store.sweep(NOBODY)).toEqual({ deletedBlobs: 1, deletedTemporaryFiles: 0 });
      expect(await suite.store.get(digest)).toBeNull();
      expect(await suite.store.sweep(NOBODY)).toMatchObject({ deletedBlobs: 0 });
    });

    it('sweeps at once what was released and not settled', async () => {
      const put = await putBytes(suite.store, content);
      await suite.store.release(put.lease, false);
      expect(await suite.store.stat(digest)).not.toBeNull();
      expect(await suite.store.sweep(NOBODY)).toMatchObject({ deletedBlobs: 1 });
      expect(await suite.store.stat(digest)).toBeNull();
    });

    it('does not ask about a settled blob, nor delete it', async () => {
      const put = await putBytes(suite.store, content, 10);
      await suite.store.release(put.lease, true);
      suite.clock.advance(1000);
      const asked: string[] = [];
      await suite.store.sweep((named) => {
        asked.push(named);
        return false;
      });
      expect(asked).toEqual([]);
      expect(await suite.store.stat(digest)).not.toBeNull();
    });

    it('keeps a blob while one of its leases holds', async () => {
      const first = await putBytes(suite.store, content);
      const second = await putBytes(suite.store, content);
      const third = await suite.store.lease(digest, 5000);
      await suite.store.release(first.lease, false);
      await suite.store.release(second.lease, false);
      expect(third?.digest).toBe(digest);
      expect(await suite.store.sweep(NOBODY)).toMatchObject({ deletedBlobs: 0 });
      suite.clock.advance(5000);
      expect(await suite.store.sweep(NOBODY)).toMatchObject({ deletedBlobs: 1 });
    });

    it('forgets nothing of an ended lease when another one is settled', async () => {
      const first = await putBytes(suite.store, content);
      const second = await putBytes(suite.store, content);
      await suite.store.release(first.lease, false);
      await suite.store.release(second.lease, true);
      expect(await suite.store.sweep((named) => named === digest)).toMatchObject({ deletedBlobs: 0 });
      expect(await suite.store.stat(digest)).not.toBeNull();
    });

    it('asks about a referenced blob once', async () => {
      const put = await putBytes(suite.store, content);
      await suite.store.release(put.lease, false);
      let asked = 0;
      const isReferenced = async () => {
        asked += 1;
        return true;
      };
      await suite.store.sweep(isReferenced);
      const first = asked;
      await suite.store.sweep(isReferenced);
      expect([first > 0, asked]).toEqual([true, first]);
      expect(await readContent(await suite.store.get(digest))).toEqual(content);
    });

    it('takes a release twice, or after the sweep', async () => {
      const put = await putBytes(suite.store, content, 1000);
      suite.clock.advance(2000);
      await suite.store.sweep(NOBODY);
      await suite.store.release(put.lease, false);
      await suite.store.release(put.lease, false);
      await suite.store.release(put.lease, true);
      expect((await putBytes(suite.store, content)).existed).toBe(false);
    });

    it('sweeps many, and only those', async () => {
      const puts = await Promise.all(
        Array.from({ length: 150 }, (_, seed) => putBytes(suite.store, makeBytes(50, seed))),
      );
      await Promise.all(puts.map((put, index) => suite.store.release(put.lease, index % 3 === 0)));
      const named = new Set(puts.filter((_, index) => index % 3 === 1).map((put) => put.digest));
      expect(await suite.store.sweep((one) => named.has(one))).toMatchObject({ deletedBlobs: 50 });
      expect(await suite.store.list(null, 1000)).toHaveLength(100);
    });

    it.each([1, 2, 3, 4])('leaves nothing half swept when question %i cannot be answered', async (failing) => {
      const puts = [await putBytes(suite.store, content), await putBytes(suite.store, makeBytes(10))];
      for (const put of puts) await suite.store.release(put.lease, false);
      let asked = 0;
      const sweeping = suite.store.sweep(() => {
        asked += 1;
        if (asked === failing) throw new Error('The record store is away');
        return false;
      });
      const swept = await sweeping.catch((error: unknown) => error);
      if (asked >= failing) expect(swept).toMatchObject({ code: 'BLOB_STORE_FAILURE' });
      expect(await suite.place.leftovers()).toEqual([]);
      if (failing === 1) expect(await suite.store.list(null, 10)).toHaveLength(2);
      await suite.store.sweep(NOBODY);
      expect(await suite.store.list(null, 10)).toEqual([]);
    });

    it('never takes a blob from a put that comes while it is being swept', async () => {
      const old = await putBytes(suite.store, content);
      await suite.store.release(old.lease, false);
      let late: ReturnType<typeof putBytes> | undefined;
      await suite.store.sweep(() => {
        late ??= putBytes(suite.store, content);
        return false;
      });
      expect((await late)?.digest).toBe(digest);
      expect(await readContent(await suite.store.get(digest))).toEqual(content);
    });

    it('gives no lease on a blob that is then gone', async () => {
      const old = await putBytes(suite.store, content);
      await suite.store.release(old.lease, false);
      let late: Promise<unknown> | undefined;
      await suite.store.sweep(() => {
        late ??= suite.store.lease(digest, 60_000);
        return false;
      });
      const lease = await late;
      expect((await suite.store.stat(digest)) === null).toBe(lease === null);
    });
  });

  const reason = unsupported.find((entry) => entry.capability === 'shared')?.reason;
  describe.skipIf(reason !== undefined)(
    `leases beside another process${reason === undefined ? '' : ` (${reason})`}`,
    () => {
      /** Runs a sweep in which, at the n-th question about the blob, the other process does something, to its end. */
      async function sweepWhile(question: number, act: () => Promise<unknown>): Promise<void> {
        const old = await putBytes(suite.store, content);
        await suite.store.release(old.lease, false);
        let asked = 0;
        await suite.store.sweep(async () => {
          asked += 1;
          if (asked === question) await act();
          return false;
        });
        expect(asked).toBeGreaterThanOrEqual(question);
      }

      it.each([1, 2])('keeps what the other puts at question %i', async (question) => {
        const other = suite.another();
        await sweepWhile(question, () => putBytes(other, content));
        expect(await readContent(await suite.store.get(digest))).toEqual(content);
        expect(await readContent(await other.get(digest))).toEqual(content);
      });

      it.each([1, 2])('keeps what the other leases at question %i', async (question) => {
        const other = suite.another();
        let lease: unknown = null;
        await sweepWhile(question, async () => {
          lease = await other.lease(digest, 60_000);
        });
        expect(lease).not.toBeNull();
        expect(await readContent(await suite.store.get(digest))).toEqual(content);
      });

      it('keeps what the other put, named by a record and settled while it asked', async () => {
        const other = suite.another();
        const old = await putBytes(suite.store, content);
        await suite.store.release(old.lease, false);
        let isNamed = false;
        let asked = 0;
        await suite.store.sweep(async () => {
          const answer = isNamed;
          asked += 1;
          if (asked === 1) {
            const put = await putBytes(other, content);
            isNamed = true;
            await other.release(put.lease, true);
          }
          return answer;
        });
        expect(await readContent(await other.get(digest))).toEqual(content);
      });

      it.each([1, 2])('lets the other read at question %i, until it is deleted', async (question) => {
        const other = suite.another();
        await sweepWhile(question, async () => {
          expect(await readContent(await other.get(digest))).toEqual(content);
          expect(await other.stat(digest)).toEqual({ digest, size: content.length });
        });
        expect(await other.get(digest)).toBeNull();
        expect(await other.stat(digest)).toBeNull();
      });

      it('sees the leases of the other, and after a crash those that it left', async () => {
        await putBytes(suite.store, content, 1000);
        const other = suite.another();
        expect(await other.sweep(NOBODY)).toMatchObject({ deletedBlobs: 0 });
        expect(await readContent(await other.get(digest))).toEqual(content);
        suite.clock.advance(1000);
        expect(await other.sweep(NOBODY)).toMatchObject({ deletedBlobs: 1 });
        expect(await suite.store.get(digest)).toBeNull();
      });

      it('stores content once when both put it at a time', async () => {
        const other = suite.another();
        await Promise.all([suite.store, other, suite.store, other].map((store) => putBytes(store, content)));
        expect(await other.list(null, 10)).toEqual([{ digest, size: content.length }]);
      });
    },
  );
}

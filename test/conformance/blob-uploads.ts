import { describe, expect, it } from 'vitest';
import { createTap, digestOf, failingAfter, inChunks, makeBytes, readContent } from './blob-content.ts';
import type { BlobSuite, UnsupportedBlobCapability } from './blob-store.ts';

const HOUR_MS = 3_600_000;

/** Uploads in several requests, part of the blob store's suite. */
export function blobUploadSuite(
  suite: BlobSuite,
  unsupported: readonly { capability: UnsupportedBlobCapability; reason: string }[],
): void {
  describe('uploads', () => {
    const content = makeBytes(300_000);
    const part = (start: number, end: number) => inChunks(content.subarray(start, end), 7000);

    it('puts together what came in parts', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      expect(await uploads.status(id)).toEqual({ offset: 0 });
      expect(await uploads.append(id, 0, part(0, 100_000))).toBe(100_000);
      expect(await uploads.append(id, null, part(100_000, 100_001))).toBe(100_001);
      expect(await uploads.status(id)).toEqual({ offset: 100_001 });
      expect(await uploads.append(id, 100_001, part(100_001, 300_000))).toBe(300_000);
      const expectation = { digest: digestOf(content, 'sha512'), size: 300_000 };
      const put = await uploads.finish(id, { leaseMs: 1000, expect: expectation, algorithms: ['md5'] });
      expect(put).toMatchObject({ digest: digestOf(content), size: 300_000, existed: false });
      expect(put.digests.md5).toBe(digestOf(content, 'md5'));
      expect(await readContent(await suite.store.get(put.digest))).toEqual(content);
      expect(await uploads.status(id)).toBeNull();
      await expect(uploads.finish(id, { leaseMs: 1000 })).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    });

    it('makes an empty blob of an empty upload, and leases what it makes', async () => {
      const { id } = await suite.store.uploads.open(HOUR_MS);
      const put = await suite.store.uploads.finish(id, { leaseMs: 1000 });
      expect(put).toMatchObject({ digest: digestOf(new Uint8Array(0)), size: 0 });
      suite.clock.advance(1000);
      expect(await suite.store.sweep(() => false)).toMatchObject({ deletedBlobs: 1 });
    });

    it('is gone also when its content existed before', async () => {
      const { uploads } = suite.store;
      for (const existed of [false, true]) {
        const { id } = await uploads.open(HOUR_MS);
        await uploads.append(id, 0, part(0, 1000));
        expect(await uploads.finish(id, { leaseMs: 1000 })).toMatchObject({ existed });
        expect(await uploads.status(id)).toBeNull();
      }
    });

    it('refuses what does not continue it, and says where it stands', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      await uploads.append(id, 0, part(0, 1000));
      for (const offset of [0, 999, 1001]) {
        await expect(uploads.append(id, offset, part(0, 10))).rejects.toMatchObject({
          code: 'UPLOAD_OUT_OF_ORDER',
          details: { offset: 1000 },
        });
      }
      expect(await uploads.status(id)).toEqual({ offset: 1000 });
    });

    it('lets one request at a time write', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      const tap = createTap();
      const first = uploads.append(id, 0, tap.source);
      tap.give(content.subarray(0, 10));
      const outOfOrder = { code: 'UPLOAD_OUT_OF_ORDER' };
      await expect(uploads.append(id, 0, part(0, 10))).rejects.toMatchObject(outOfOrder);
      await expect(uploads.append(id, null, part(0, 10))).rejects.toMatchObject(outOfOrder);
      await expect(uploads.finish(id, { leaseMs: 1000 })).rejects.toMatchObject(outOfOrder);
      tap.give(content.subarray(10, 20));
      tap.end();
      expect(await first).toBe(20);
      const put = await uploads.finish(id, { leaseMs: 1000 });
      expect(put.digest).toBe(digestOf(content.subarray(0, 20)));
    });

    it.each([500, 150_000])('keeps %i bytes that came before the source broke off', async (length) => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      const error = new Error('The line broke');
      await expect(uploads.append(id, 0, failingAfter(content.subarray(0, length), error))).rejects.toBe(error);
      expect(await uploads.status(id)).toEqual({ offset: length });
      await uploads.append(id, length, part(length, 300_000));
      expect((await uploads.finish(id, { leaseMs: 1000 })).digest).toBe(digestOf(content));
    });

    it('stays when it is not what was expected', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      await uploads.append(id, 0, part(0, 1000));
      const expectation = { digest: digestOf(content.subarray(0, 2000)) };
      await expect(uploads.finish(id, { leaseMs: 1000, expect: expectation })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      await uploads.append(id, 1000, part(1000, 2000));
      await uploads.finish(id, { leaseMs: 1000, expect: expectation });
    });

    it('bounds the upload as a whole', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      await uploads.append(id, 0, part(0, 7000), 10_000);
      await expect(uploads.append(id, null, part(7000, 10_001), 10_000)).rejects.toMatchObject({
        code: 'BLOB_TOO_LARGE',
      });
      const offset = (await uploads.status(id))?.offset ?? 0;
      expect(await uploads.append(id, offset, part(offset, 10_000), 10_000)).toBe(10_000);
      await expect(uploads.finish(id, { leaseMs: 1000, maxBytes: 9999 })).rejects.toMatchObject({
        code: 'BLOB_TOO_LARGE',
      });
    });

    it('is cancelled, also while it is written', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      const tap = createTap();
      const writing = uploads.append(id, 0, tap.source);
      tap.give(content.subarray(0, 100_000));
      expect(await uploads.cancel(id)).toBe(true);
      tap.give(content.subarray(100_000));
      tap.end();
      await expect(writing).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
      expect(await uploads.status(id)).toBeNull();
      expect(await uploads.cancel(id)).toBe(false);
    });

    it.each(['', 'x', '../leases', '..%2f', '00000000-0000-0000-0000-000000000000'])(
      'knows no upload %j',
      async (id) => {
        const { uploads } = suite.store;
        const notFound = { code: 'UPLOAD_NOT_FOUND' };
        expect(await uploads.status(id)).toBeNull();
        expect(await uploads.cancel(id)).toBe(false);
        await expect(uploads.append(id, 0, part(0, 1))).rejects.toMatchObject(notFound);
        await expect(uploads.finish(id, { leaseMs: 1000 })).rejects.toMatchObject(notFound);
      },
    );

    it('ends when nobody continues it for its time to live', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(HOUR_MS);
      suite.clock.advance(HOUR_MS - 1);
      await uploads.append(id, 0, part(0, 10));
      suite.clock.advance(HOUR_MS - 1);
      await suite.store.sweep(() => false);
      expect(await uploads.status(id)).toEqual({ offset: 10 });
      suite.clock.advance(1);
      expect(await uploads.status(id)).toBeNull();
      await expect(uploads.append(id, 10, part(10, 20))).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
      expect(await suite.store.sweep(() => false)).toEqual({ deletedBlobs: 0, deletedTemporaryFiles: 1 });
    });

    it('does not end while somebody writes to it', async () => {
      const { uploads } = suite.store;
      const { id } = await uploads.open(1000);
      const tap = createTap();
      const writing = uploads.append(id, 0, tap.source);
      tap.give(content.subarray(0, 10));
      await tap.asked;
      suite.clock.advance(5000);
      await suite.store.sweep(() => false);
      tap.end();
      expect(await writing).toBe(10);
      expect(await uploads.status(id)).toEqual({ offset: 10 });
    });

    const reason = unsupported.find((entry) => entry.capability === 'shared')?.reason;
    it.skipIf(reason !== undefined)(`survives its process${reason === undefined ? '' : ` (${reason})`}`, async () => {
      const { id } = await suite.store.uploads.open(HOUR_MS);
      await suite.store.uploads.append(id, 0, part(0, 100_000));
      const { uploads } = suite.another();
      expect(await uploads.status(id)).toEqual({ offset: 100_000 });
      await uploads.append(id, 100_000, part(100_000, 300_000));
      expect((await uploads.finish(id, { leaseMs: 1000 })).digest).toBe(digestOf(content));
    });
  });
}

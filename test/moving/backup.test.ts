import { createHash, randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { guardBlobStore } from '../../src/adapters/guards/blob-store.ts';
import { guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import { createArchiveWriter } from '../../src/moving/archive-writer.ts';
import type { BackupManifest } from '../../src/moving/backup-format.ts';
import { one, storeBlob } from '../../src/moving/blob-transfer.ts';
import { type BackupReceiver, readBackup } from '../../src/moving/read-backup.ts';
import { writeBackup } from '../../src/moving/write-backup.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { systemClock } from '../../src/shared/clock.ts';

const AT = '2026-01-02T03:04:05.006Z';
const sha256 = (bytes: string | Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const BLOBS = ['', 'small', 'x'.repeat(3_000_000)];

function openBlobs(): BlobStore {
  return guardBlobStore(openMemoryBlobStore({ maxBlobBytes: 1e9, minBlobBytes: 0, clock: systemClock }));
}

async function openRecords(): Promise<RecordStore> {
  const store = guardRecordStore(openMemoryRecordStore());
  await store.migrate([{ name: 'docs', indexes: [] }], () => ({}));
  return store;
}

/** Documents that name blobs, one of which is nowhere; the content of another is not what it should be. */
async function source() {
  const records = await openRecords();
  const blobs = openBlobs();
  for (const content of BLOBS)
    await storeBlob(blobs, { digest: sha256(content), size: content.length }, one(Buffer.from(content)));
  const digests = [...BLOBS.map(sha256), sha256('nowhere'), sha256('damaged')];
  const put = (key: string, value: unknown) => ({
    collection: 'docs',
    key,
    value: JSON.stringify(value),
    expiresAt: null,
    rows: {},
  });
  for (const [place, digest] of [...digests, ...digests].entries()) {
    const puts = [put(`doc ${String(place).padStart(3, '0')}`, { digest, text: 'é 😀\n"' })];
    const events = [{ id: `e${place}`, type: 't', at: AT, payload: '{"a":1}' }];
    await records.commit({ id: randomUUID(), checks: [], puts, deletes: [], events });
  }
  const damaged = sha256('damaged');
  const lying: BlobStore = {
    ...blobs,
    get: (digest, ...rest) =>
      digest === damaged ? { size: 7, bytes: Buffer.from('changed'), stream: null } : blobs.get(digest, ...rest),
  };
  return { records, blobs: lying };
}

async function backupOf(withBlobs = true, change: object | null = null): Promise<Buffer> {
  const { records, blobs } = await source();
  const out = new PassThrough();
  const bytes = buffer(out);
  const archive = createArchiveWriter(out, { gzip: false, keepsOpen: false, at: new Date(AT) });
  const altered = {
    ...archive,
    add: (name: string, content: Uint8Array) =>
      archive.add(
        name,
        name === 'manifest.json' && change !== null
          ? Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(content).toString()), ...change }))
          : content,
      ),
  };
  const trailer = await writeBackup(
    altered,
    {
      id: 'the-id',
      engineVersion: '1.2.3',
      typeId: 'test.docs',
      createdAt: AT,
      dumps: new Map([['meta', await records.dump()]]),
      blobStores: withBlobs ? new Map([['primary', blobs]]) : new Map(),
      digestsOf: (_, value) => [JSON.parse(value).digest, 'not a digest'],
    },
    () => {},
  );
  await archive.finish();
  expect(trailer.missing).toEqual(withBlobs ? [sha256('nowhere')] : []);
  expect(trailer.damaged).toEqual(withBlobs ? [sha256('damaged')] : []);
  return bytes;
}

/** Notes all that comes, as text. */
function noting(): { readonly receiver: BackupReceiver; readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    receiver: {
      begin: async (manifest: BackupManifest) => void lines.push(JSON.stringify(manifest)),
      records: async (...args) => void lines.push(JSON.stringify(args)),
      events: async (...args) => void lines.push(JSON.stringify(args)),
      async blob(store, { digest, size }, content) {
        lines.push(`${store} ${digest} ${size} ${sha256(await buffer(Readable.from(content)))}`);
      },
    },
  };
}

async function read(bytes: Buffer) {
  const { receiver, lines } = noting();
  const whole = await readBackup(Readable.from([bytes], { objectMode: false }), receiver, () => {});
  return { ...whole, lines: lines.toSorted() };
}

describe('a backup', () => {
  it('holds what the stores hold, and says so at its end', async () => {
    const { manifest, trailer, lines } = await read(await backupOf());
    expect(manifest).toMatchObject({
      format: 'entrepot.backup',
      format_version: 1,
      type_id: 'test.docs',
      engine_version: '1.2.3',
      record_stores: [{ name: 'meta', sequence: 10, collections: [{ name: 'docs', records: 10 }], events: 10 }],
      blob_stores: ['primary'],
    });
    expect(trailer.record_stores[0]?.collections).toMatchObject([{ name: 'docs', count: 10 }]);
    expect(trailer.blob_stores).toMatchObject([{ name: 'primary', count: 3, bytes: 3_000_005 }]);
    for (const content of BLOBS)
      expect(lines).toContain(`primary ${sha256(content)} ${content.length} ${sha256(content)}`);
    expect(lines.some((line) => line.includes(sha256('changed')))).toBe(false);
  });

  it('leaves blobs out where it is told to', async () => {
    const { manifest, trailer } = await read(await backupOf(false));
    expect(manifest.blob_stores).toEqual([]);
    expect(trailer.blob_stores).toEqual([]);
  });

  it('of which any byte was changed is refused, or holds the same nevertheless', { timeout: 120_000 }, async () => {
    const bytes = await backupOf();
    const expected = JSON.stringify(await read(bytes));
    const small = bytes.indexOf(Buffer.from('x'.repeat(1000)));
    // The large blob is one kind of place; everything around it is where things differ.
    const places = [small + 500_000, small + 2_000_000];
    for (let at = 3; at < bytes.length; at += 97) if (at < small || at > small + 3_000_000) places.push(at);
    let refused = 0;
    for (const at of places) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      try {
        expect(JSON.stringify(await read(altered)), `byte ${at}`).toBe(expected);
      } catch (thrown) {
        expect(thrown, `byte ${at}`).toMatchObject({ code: 'BACKUP_INVALID' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(places.length / 4);
  });

  it('that ends early is refused, wherever it ends', { timeout: 60_000 }, async () => {
    const bytes = await backupOf();
    const end = bytes.lastIndexOf(Buffer.from('  trailer.json\n')) + 15;
    const step = Math.floor(end / 60);
    const ends = [0, 1, 511, 512, 1024, end - 1, end - 80, ...Array.from({ length: 60 }, (_, place) => place * step)];
    for (const at of ends) {
      await expect(read(bytes.subarray(0, at)), `${at} bytes`).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
    }
    await read(bytes.subarray(0, Math.ceil(end / 512) * 512));
  });

  it.each([
    ['another program’s archive', { format: 'other' }, 'it is something else'],
    [
      'a newer form',
      { format_version: 2, engine_version: '9.0.0' },
      'made by a newer release (9.0.0, format 2; this one knows 1)',
    ],
    ['a manifest of another form', { record_stores: 5 }, 'a part of it has another form'],
    ['a manifest that was changed', { created_at: 'then' }, 'its beginning and its end do not belong together'],
    ['a store that is not announced', { record_stores: [] }, 'parts of a record store "meta"'],
    ['a blob store that is not announced', { blob_stores: [] }, 'blobs of a store "primary"'],
  ])('is refused with a sentence: %s', async (_, change, sentence) => {
    const bytes = await backupOf(true, change);
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining(sentence),
    });
  });

  it('is refused where other things come before or after it', async () => {
    const wrap = async (names: readonly string[]) => {
      const out = new PassThrough();
      const bytes = buffer(out);
      const archive = createArchiveWriter(out, { gzip: false, keepsOpen: false, at: new Date(AT) });
      for (const name of names) await archive.add(name, Buffer.from('{}\n'));
      await archive.finish();
      return bytes;
    };
    const invalid = (why: string) => ({ code: 'BACKUP_INVALID', message: expect.stringContaining(why) });
    await expect(read(await wrap(['README.md']))).rejects.toMatchObject(invalid('it is something else'));
    await expect(read(await wrap([]))).rejects.toMatchObject(invalid('it is empty'));
    const whole = await backupOf();
    const end = Math.ceil((whole.lastIndexOf(Buffer.from('  trailer.json\n')) + 15) / 512) * 512;
    const more = Buffer.concat([whole.subarray(0, end), await wrap(['more'])]);
    await expect(read(more)).rejects.toMatchObject(invalid('"more" comes after its end'));
  });
});

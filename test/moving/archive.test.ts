import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArchive } from '../../src/moving/archive-reader.ts';
import { type ArchiveWriter, createArchiveWriter } from '../../src/moving/archive-writer.ts';

const AT = new Date('2026-01-02T03:04:05Z');

async function written(gzip: boolean, work: (archive: ArchiveWriter) => Promise<void>): Promise<Buffer> {
  const out = new PassThrough();
  const bytes = buffer(out);
  const archive = createArchiveWriter(out, { gzip, keepsOpen: false, at: AT });
  await work(archive);
  await archive.finish();
  return bytes;
}

async function* pieces(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) yield Buffer.alloc(size, at);
}

function inPieces(bytes: Buffer, size = 1000): Readable {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return Readable.from(parts, { objectMode: false });
}

async function readAll(bytes: Buffer): Promise<readonly (readonly [string, Buffer])[]> {
  const found: (readonly [string, Buffer])[] = [];
  for await (const entry of readArchive(inPieces(bytes))) {
    const content = Buffer.from(await entry.bytes(10_000_000));
    expect(content.length).toBe(entry.size);
    found.push([entry.name, content]);
  }
  return found;
}

describe('an archive', () => {
  const fill = async (archive: ArchiveWriter) => {
    await archive.add('empty', Buffer.alloc(0));
    await archive.add('small', Buffer.from('text'));
    expect(await archive.addStream('large', 3_000_000, pieces(30, 100_000))).toBe(true);
    await archive.add(`long/${'n'.repeat(300)}`, Buffer.from('x'));
    expect(await archive.addStream('nothing', 0, pieces(0, 0))).toBe(true);
  };
  const expected = async () => [
    ['empty', Buffer.alloc(0)],
    ['small', Buffer.from('text')],
    ['large', await buffer(Readable.from(pieces(30, 100_000)))],
    [`long/${'n'.repeat(300)}`, Buffer.from('x')],
    ['nothing', Buffer.alloc(0)],
  ];

  it.each([false, true])('gives back what was put in (compressed: %s)', async (gzip) => {
    const bytes = await written(gzip, fill);
    expect(await readAll(bytes)).toEqual(await expected());
    expect(bytes.length < 100_000).toBe(gzip);
  });

  it('fills up an entry whose source breaks off, and says so; a source that has too much is cut off', async () => {
    const broken = async function* () {
      yield Buffer.from('abc');
      throw new Error('The disk is gone');
    };
    const bytes = await written(false, async (archive) => {
      expect(await archive.addStream('broken', 200_000, broken())).toBe(false);
      expect(await archive.addStream('short', 10, pieces(1, 3))).toBe(false);
      expect(await archive.addStream('long', 10, pieces(2, 8))).toBe(false);
      await archive.add('after', Buffer.from('fine'));
    });
    const entries = await readAll(bytes);
    expect(entries.map(([name, content]) => [name, content.length])).toEqual([
      ['broken', 200_000],
      ['short', 10],
      ['long', 10],
      ['after', 4],
    ]);
    expect(entries[0]?.[1].subarray(0, 4)).toEqual(Buffer.from('abc\0'));
  });

  it('passes by what nobody read, or read in part', async () => {
    const bytes = await written(false, fill);
    const names: string[] = [];
    for await (const entry of readArchive(inPieces(bytes))) {
      names.push(entry.name);
      if (entry.name !== 'large') continue;
      for await (const chunk of entry.content) {
        expect(chunk[0]).toBe(0);
        break;
      }
    }
    expect(names).toEqual((await expected()).map(([name]) => name));
  });

  it('is not read further by whoever leaves early', async () => {
    const input = inPieces(await written(false, fill));
    for await (const entry of readArchive(input)) if (entry.name === 'small') break;
    expect(input.destroyed).toBe(true);
  });

  it.each([false, true])('that ends early is refused (compressed: %s)', async (gzip) => {
    const bytes = await written(gzip, fill);
    for (const part of [0.1, 0.5, 0.9]) {
      await expect(readAll(bytes.subarray(0, Math.floor(bytes.length * part)))).rejects.toMatchObject({
        code: 'BACKUP_INVALID',
        message: 'The file is not a whole backup: it ends early',
      });
    }
  });

  it.each([
    ['text', Buffer.from('This is a letter, and quite a long one. '.repeat(100))],
    ['compressed text', gzipSync('This is a letter, and quite a long one. '.repeat(100))],
    ['half of a gzip head', Buffer.from([0x1f, 0x8b, 0x08])],
    ['noise after a gzip head', Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(5000, 0xa5)])],
  ])('is not taken for one: %s', async (_, bytes) => {
    await expect(readAll(bytes)).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
  });

  it('that is empty has no entries', async () => {
    expect(await readAll(Buffer.alloc(0))).toEqual([]);
  });

  it('fails as its file does, where that cannot be read', async () => {
    const input = Readable.from(
      (async function* () {
        yield Buffer.alloc(100);
        throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      })(),
      { objectMode: false },
    );
    await expect(async () => {
      for await (const _ of readArchive(input));
    }).rejects.toMatchObject({ code: 'EIO' });
  });

  it('fails as its destination does, whatever it is at', async () => {
    let taken = 0;
    const full = new Writable({
      write(chunk, _, done) {
        taken += chunk.length;
        done(taken > 500_000 ? Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }) : null);
      },
    });
    const archive = createArchiveWriter(full, { gzip: false, keepsOpen: false, at: AT });
    await expect(async () => {
      await archive.add('one', Buffer.alloc(400_000));
      await archive.addStream('two', 50_000_000, pieces(500, 100_000));
      await archive.finish();
    }).rejects.toMatchObject({ code: 'ENOSPC' });
    const other = createArchiveWriter(new Writable({ write: (_chunk, _, done) => done(new Error('no')) }), {
      gzip: true,
      keepsOpen: false,
      at: AT,
    });
    await expect(async () => {
      for (let count = 0; count < 50; count++) await other.add(`n${count}`, Buffer.alloc(400_000, Math.random()));
      await other.finish();
    }).rejects.toThrow('no');
  });

  it('is not done before a stream that stays open has passed all of it on', async () => {
    let taken = 0;
    const slow = new Writable({
      highWaterMark: 100_000_000,
      write(chunk, _, done) {
        setTimeout(() => {
          taken += chunk.length;
          done();
        }, 5);
      },
    });
    const archive = createArchiveWriter(slow, { gzip: false, keepsOpen: true, at: AT });
    await archive.add('one', Buffer.alloc(100_000));
    await archive.finish();
    expect(taken).toBeGreaterThan(100_000);
    expect(slow.writableEnded).toBe(false);
  });

  it('waits for a destination that takes its time', async () => {
    let taken = 0;
    let given = 0;
    const slow = new Writable({
      highWaterMark: 100_000,
      write(chunk, _, done) {
        setTimeout(() => {
          taken += chunk.length;
          done();
        }, 1);
      },
    });
    const archive = createArchiveWriter(slow, { gzip: false, keepsOpen: false, at: AT });
    await archive.addStream(
      'large',
      10_000_000,
      (async function* () {
        for await (const piece of pieces(100, 100_000)) {
          given += piece.length;
          expect(given - taken).toBeLessThan(1_500_000);
          yield piece;
        }
      })(),
    );
    await archive.finish();
    expect(taken).toBeGreaterThan(10_000_000);
  });
});

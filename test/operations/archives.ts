import { crc32, gzipSync } from 'node:zlib';
import type { ArchiveEntry, ChosenFile } from '../../src/operations/archive/entry.ts';
import { gunzip } from '../../src/operations/archive/gunzip.ts';
import { compileSelection, type SelectionOptions } from '../../src/operations/archive/selection.ts';
import { readTar } from '../../src/operations/archive/tar.ts';
import { readZip } from '../../src/operations/archive/zip.ts';

export const GIB = 1024 ** 3;

/** What the operation does, without a registry around it; `all` chooses every file. */
export interface Reading extends Partial<SelectionOptions> {
  /** Ends of chunks are put behind every so many bytes. */
  readonly chunkBytes?: number;
}

export interface ReadArchive {
  readonly entries: readonly ArchiveEntry[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly summary: { readonly entries: number; readonly files: number; readonly bytes: number };
}

type Format = 'tar' | 'tar.gz' | 'zip';

const DEFAULTS: SelectionOptions = {
  files: ['*', '*/*', '*/*/*', '*/*/*/*'],
  strip: 0,
  maxFileBytes: 1024 ** 2,
  maxEntries: 1000,
  maxTotalBytes: 2 * GIB,
  refusesLinks: true,
};

export async function readArchive(
  format: Format,
  bytes: Buffer | Iterable<Buffer>,
  { chunkBytes = 65_536, ...options }: Reading = {},
): Promise<ReadArchive> {
  const selection = compileSelection({ ...DEFAULTS, ...options })();
  const entries: ArchiveEntry[] = [];
  const choose = (entry: ArchiveEntry) => {
    entries.push(entry);
    return selection.choose(entry);
  };
  const { maxTotalBytes } = { ...DEFAULTS, ...options };
  const chunks = async function* () {
    if (!Buffer.isBuffer(bytes)) yield* bytes;
    else for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  };
  const whole = Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
  const unpacked = format === 'tar.gz' ? gunzip(chunks()) : chunks();
  const found: AsyncIterable<ChosenFile> =
    format === 'zip'
      ? readZip(whole.length, async (start, end) => whole.subarray(start, end), choose)
      : readTar(unpacked, choose, maxTotalBytes);
  const files = [];
  try {
    for await (const { path, bytes: content } of found) files.push({ path, text: content.toString() });
  } finally {
    await unpacked.return(undefined);
  }
  return { entries, files, summary: selection.summary() };
}

/** What reading is refused with, `<code>: <sentence>`; null when it is not. */
export async function refusal(
  format: Format,
  bytes: Buffer | Iterable<Buffer>,
  reading?: Reading,
): Promise<string | null> {
  return readArchive(format, bytes, reading).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );
}

/** A header block of a tar archive, whatever may be wrong with it. */
export function tarHeader(
  name: string | Buffer,
  size: number | string,
  type = '0',
  extra: Partial<Record<'target' | 'magic' | 'prefix', string>> = {},
): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(name).copy(block, 0, 0, 100);
  block.write('0000644\x000000000\x000000000\0', 100);
  block.write(typeof size === 'string' ? size : size.toString(8).padStart(11, '0'), 124, 'latin1');
  block.write('00000000000', 136);
  block.write(type, 156, 'latin1');
  block.write(extra.target ?? '', 157);
  block.write(extra.magic ?? 'ustar\x0000', 257, 'latin1');
  block.write(extra.prefix ?? '', 345);
  return checked(block);
}

/** The block with its checksum. */
export function checked(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

export function tarFile(name: string | Buffer, content: string | Buffer, type = '0'): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([tarHeader(name, bytes.length, type), padded(bytes)]);
}

export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export const tarEnd = Buffer.alloc(1024);

export const tarOf = (...parts: readonly Buffer[]): Buffer => Buffer.concat([...parts, tarEnd]);

export const gzipped = (bytes: Buffer): Buffer => gzipSync(bytes);

/** A gzip stream of `count` times the content, made of as many members. */
export function* repeated(content: Buffer, count: number): Generator<Buffer> {
  const member = gzipSync(content);
  for (let at = 0; at < count; at++) yield Buffer.from(member);
}

export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (`${length}`.length + Buffer.byteLength(rest) !== length) length = `${length}`.length + Buffer.byteLength(rest);
  return `${length}${rest}`;
}

export interface ZipMember {
  readonly name: string | Buffer;
  /** An extra field, with its header. */
  readonly extra?: Buffer;
  readonly content?: Buffer;
  /** What the directory says instead of the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly localName?: string;
  readonly mode?: number;
  readonly flags?: number;
  readonly method?: number;
  /** As stored, where it is packed. */
  readonly packed?: Buffer;
}

/** A zip archive of stored members (APPNOTE.TXT 6.3.10), whatever may be wrong with it. */
export function zipOf(
  members: readonly ZipMember[],
  { count = members.length, after = '', comment = '' } = {},
): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const content = member.content ?? Buffer.alloc(0);
    const stored = member.packed ?? content;
    const name = Buffer.from(member.name);
    const localName = Buffer.from(member.localName ?? member.name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(member.flags ?? 0x800, 2);
    fields.writeUInt16LE(member.method ?? (member.packed === undefined ? 0 : 8), 4);
    fields.writeUInt32LE(member.crc ?? crc32(content), 10);
    fields.writeUInt32LE(stored.length, 14);
    fields.writeUInt32LE(member.size ?? content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const extra = member.extra ?? Buffer.alloc(0);
    fields.writeUInt16LE(extra.length, 24);
    const localFields = Buffer.from(fields);
    localFields.writeUInt16LE(localName.length, 22);
    localFields.writeUInt16LE(0, 24);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), localFields, localName, stored]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), fields, tail, name, extra]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(comment.length, 16);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end, Buffer.from(comment + after)]);
}

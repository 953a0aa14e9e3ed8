import { isAscii, isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, type ZipFile } from 'yauzl';
import { RegistryError } from '../../errors/registry-error.ts';
import { type Choose, type ChosenFile, type EntryKind, invalid, shown } from './entry.ts';
import { type ReadRange, ZipBytes } from './zip-bytes.ts';

/** Longest target of a symbolic link. */
const MAX_TARGET = 4096;

/** Between the size of a file and what it takes packed: a file that was packed badly is a little larger. */
const PACKED_OVERHEAD = 64 * 1024;

const inflate = promisify(inflateRaw) as (bytes: Buffer, options: object) => Promise<unknown>;

/**
 * The chosen files of a zip archive, in the order of its directory, which stands at its end. Sizes are as the directory states them; those
 * of chosen files are compared with their bytes, as are checksums and the names that stand before them. Fails with ARCHIVE_INVALID on all
 * that is broken, and with the error of `read` as it is.
 */
export async function* readZip(size: number, read: ReadRange, choose: Choose): AsyncGenerator<ChosenFile> {
  const bytes = new ZipBytes(size, read);
  try {
    const archive = await fromRandomAccessReaderPromise(bytes, size, { autoClose: false, decodeStrings: false });
    for await (const entry of archive.eachEntry()) {
      const name = nameOf(entry);
      const kind = kindOf(entry, name);
      const isLink = kind === 'symbolic link';
      if (isLink && entry.uncompressedSize > MAX_TARGET) invalid(`the target of ${shown(name)} is too long`);
      const target = isLink ? (await contentOf(archive, bytes, entry, name)).toString() : null;
      const path = choose({ name, kind, size: kind === 'file' ? entry.uncompressedSize : 0, target });
      if (path !== null) yield { path, bytes: await contentOf(archive, bytes, entry, name) };
    }
    await checkEnd(archive, bytes);
  } catch (thrown) {
    if (bytes.failure !== null) throw bytes.failure.cause;
    if (thrown instanceof RegistryError) throw thrown;
    invalid(`it is no zip archive, or damaged (${thrown instanceof Error ? shown(thrown.message) : 'unknown'})`);
  }
}

/**
 * UTF-8 wherever it can be: many programs leave the flag out that says so. Else as the archive states it: in code page 437, or in UTF-8 in
 * a field of its own. Beside a name of ASCII alone such a field would only be another name.
 */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const stated = getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);
  if (!isUtf8(fileNameRaw)) return stated.includes('\ufffd') ? differently(stated) : stated;
  const name = fileNameRaw.toString();
  return isAscii(fileNameRaw) && name !== stated && hasUnicodeName(extraFields) ? differently(stated) : name;
}

function hasUnicodeName(extraFields: Entry['extraFields']): boolean {
  return extraFields.some(({ id }) => id === 0x7075);
}

function differently(name: string): never {
  return invalid(`programs read the name ${shown(name)} differently`);
}

/** By the mode of systems that have one; a directory is known by its name. */
function kindOf(entry: Entry, name: string): EntryKind {
  const type = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (type === 0o120000) return 'symbolic link';
  if (name.endsWith('/')) return 'directory';
  return type === 0 || type === 0o100000 ? 'file' : 'special file';
}

async function contentOf(archive: ZipFile, bytes: ZipBytes, entry: Entry, name: string): Promise<Buffer> {
  const { uncompressedSize: size, compressedSize: packedSize, compressionMethod: method } = entry;
  if (!entry.canDecodeFileData()) invalid(`${shown(name)} is encrypted, or packed in an unusual way`);
  if (packedSize > size + PACKED_OVERHEAD) lies(name);
  const header = await archive.readLocalFileHeaderPromise(entry);
  if (!header.fileName.equals(entry.fileNameRaw)) invalid(`${shown(name)} has another name where its content stands`);
  const packed = await bytes.bytesAt(header.fileDataStart, packedSize);
  const content = method === 0 ? packed : await unpack(packed, size, name);
  if (content.length !== size || crc32(content) !== entry.crc32) lies(name);
  return content;
}

async function unpack(packed: Buffer, size: number, name: string): Promise<Buffer> {
  const options = { maxOutputLength: Math.max(size, 1), info: true };
  const { buffer, engine } = (await inflate(packed, options).catch(() => lies(name))) as {
    readonly buffer: Buffer;
    readonly engine: { readonly bytesWritten: number };
  };
  return engine.bytesWritten === packed.length ? buffer : lies(name);
}

function lies(name: string): never {
  return invalid(`${shown(name)} does not have the size and checksum that are stated for it`);
}

/** The directory has no more entries than its end states: other programs would find them. */
async function checkEnd(archive: ZipFile, bytes: ZipBytes): Promise<void> {
  const signature = await bytes.bytesAt(Number(archive.readEntryCursor), 4);
  const isEnd = ['504b0506', '504b0606', '504b0505'].includes(signature.toString('hex'));
  if (!isEnd) invalid('its directory does not end where it states');
}

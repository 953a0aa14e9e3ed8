import { ChunkReader, type Chunks } from '../chunk-reader.ts';
import { type Choose, type ChosenFile, invalid, shown } from './entry.ts';
import { tooManyBytes } from './selection.ts';
import {
  BLOCK_BYTES,
  type Extension,
  kindOf,
  nameText,
  readLongName,
  readPax,
  readTarHeader,
  type TarHeader,
} from './tar-header.ts';

/** Bytes of an extended header (names, attributes), and of all of them together. */
const MAX_EXTENSION = 1024 * 1024;
const MAX_EXTENSIONS = 64 * MAX_EXTENSION;

/** Zeros that may follow the end; programs fill up to the size of a tape's record. */
const MAX_PADDING = 1024 * 1024;

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * The chosen files of a tar archive, in its order. Everything else goes by, unkept. Takes one reading only of what it reads: fails with
 * ARCHIVE_INVALID on all that programs might read differently. `maxTotalBytes` counts headers too; past it ARCHIVE_TOO_LARGE.
 */
export async function* readTar(chunks: Chunks, choose: Choose, maxTotalBytes: number): AsyncGenerator<ChosenFile> {
  const blocks = new TarBytes(chunks, maxTotalBytes);
  let extension: Extension = {};
  let extended = 0;
  for (;;) {
    const block = await blocks.take(BLOCK_BYTES);
    if (isZero(block)) {
      if (Object.keys(extension).length > 0) invalid('it ends after an extended header');
      return blocks.end();
    }
    const header = readTarHeader(block);
    if ('xgLK'.includes(header.type)) {
      extended += header.size;
      if (header.size > MAX_EXTENSION || extended > MAX_EXTENSIONS) invalid('its extended headers are too large');
      const data = await blocks.take(header.size);
      extension = { ...extension, ...readExtension(header, data) };
      await blocks.skip(paddingOf(header.size));
      continue;
    }
    if ('SNX'.includes(header.type)) invalid('it holds an entry of a form that programs read differently');
    const name = extension.name ?? nameText(header.name);
    const size = extension.size ?? header.size;
    const kind = kindOf(header.type, name);
    if (size > 0 && '123456'.includes(header.type)) invalid(`${shown(name)} is no file, but has content`);
    if (size > 0 && kind === 'directory') invalid(`${shown(name)} is no file, but has content`);
    const isLink = kind === 'hard link' || kind === 'symbolic link';
    const target = isLink ? (extension.target ?? nameText(header.target)) : null;
    extension = {};
    const path = choose({ name, kind, size: kind === 'file' ? size : 0, target });
    if (path === null) {
      await blocks.skip(size + paddingOf(size));
    } else {
      const bytes = Buffer.from(await blocks.take(size));
      await blocks.skip(paddingOf(size));
      yield { path, bytes };
    }
  }
}

function readExtension({ type }: TarHeader, data: Buffer): Extension {
  if (type === 'L') return { name: readLongName(data) };
  if (type === 'K') return { target: readLongName(data) };
  const found = readPax(data);
  // It would hold for all that follow, and programs do not agree on how.
  if (type === 'g' && Object.keys(found).length > 0) invalid('a global header names files');
  return found;
}

function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

function isZero(bytes: Buffer): boolean {
  // Compared at once: byte for byte it takes a hundred times as long.
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (!part.equals(part.length === ZEROS.length ? ZEROS : ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/** The bytes of an archive, so many at a time. */
class TarBytes {
  readonly #reader: ChunkReader;
  readonly #maxBytes: number;
  #taken = 0;

  constructor(chunks: Chunks, maxBytes: number) {
    this.#reader = new ChunkReader(chunks);
    this.#maxBytes = maxBytes;
  }

  /** Good until the next call. Fails with ARCHIVE_INVALID where the archive ends before. */
  async take(count: number): Promise<Buffer> {
    this.#count(count);
    const reader = this.#reader;
    if (reader.chunk.length - reader.at >= count) {
      reader.at += count;
      return reader.chunk.subarray(reader.at - count, reader.at);
    }
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const piece = await this.#piece(left);
      pieces.push(Buffer.from(piece));
      left -= piece.length;
    }
    return Buffer.concat(pieces, count);
  }

  async skip(count: number): Promise<void> {
    this.#count(count);
    for (let left = count; left > 0; ) left -= (await this.#piece(left)).length;
  }

  /** Fails with ARCHIVE_INVALID where anything but some zeros is left. */
  async end(): Promise<void> {
    const reader = this.#reader;
    let padding = 0;
    do {
      const rest = reader.chunk.subarray(reader.at);
      padding += rest.length;
      if (!isZero(rest) || padding > MAX_PADDING) invalid('something follows its end');
    } while (await reader.more());
  }

  async #piece(most: number): Promise<Buffer> {
    const reader = this.#reader;
    if (reader.at === reader.chunk.length && !(await reader.more())) invalid('it ends early');
    const start = reader.at;
    reader.at = Math.min(reader.chunk.length, start + most);
    return reader.chunk.subarray(start, reader.at);
  }

  #count(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken > this.#maxBytes) tooManyBytes(this.#maxBytes);
  }
}

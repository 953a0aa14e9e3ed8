import { TextDecoder } from 'node:util';
import { type EntryKind, invalid, shown } from './entry.ts';

export const BLOCK_BYTES = 512;

const NUL = 0;
const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** A header block (POSIX.1-2024, pax, "ustar Interchange Format"; older forms and those of GNU tar too). */
export interface TarHeader {
  /** Undecoded: where an extended header gives it, only its beginning stands here. */
  readonly name: Buffer;
  /** One character: `0` a file, `x` a pax header, and so on. */
  readonly type: string;
  readonly size: number;
  /** As `name`. */
  readonly target: Buffer;
}

/** What an extended header says of the entry that follows it. */
export interface Extension {
  readonly name?: string;
  readonly target?: string;
  readonly size?: number;
}

/** Fails with ARCHIVE_INVALID on a wrong checksum and on numbers and names that are none. */
export function readTarHeader(block: Buffer): TarHeader {
  if (readNumber(block, 148, 8) !== checksumOf(block)) invalid('it is no tar archive, or a header in it is damaged');
  const magic = block.toString('latin1', 257, 265);
  if (!magic.startsWith('ustar') && magic !== '\0'.repeat(8)) invalid('a header in it has an unknown form');
  const own = bytesAt(block, 0, 100);
  const prefix = magic.startsWith('ustar\0') ? bytesAt(block, 345, 155) : own.subarray(0, 0);
  return {
    name: prefix.length === 0 ? own : Buffer.concat([prefix, Buffer.from('/'), own]),
    type: block[156] === NUL ? '0' : String.fromCharCode(block[156] ?? NUL),
    size: readNumber(block, 124, 12),
    target: bytesAt(block, 157, 100),
  };
}

/** What a type flag stands for. Only files have content that counts. */
export function kindOf(type: string, name: string): EntryKind {
  switch (type) {
    case '0':
    case '7':
      // So older programs wrote directories.
      return name.endsWith('/') ? 'directory' : 'file';
    case '1':
      return 'hard link';
    case '2':
      return 'symbolic link';
    case '5':
      return 'directory';
    default:
      return 'special file';
  }
}

/** The records of a pax header that change what an entry is. Fails with ARCHIVE_INVALID on records that are none, and on sparse files. */
export function readPax(data: Buffer): Extension {
  const found: { name?: string; target?: string; size?: number } = {};
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(SPACE, at);
    const length = space < 0 || space - at > 7 ? '' : data.toString('latin1', at, space);
    const end = /^[1-9]\d*$/.test(length) ? at + Number(length) : 0;
    const equals = data.indexOf(EQUALS, space);
    if (end <= space || end > data.length || data[end - 1] !== NEWLINE || equals <= space + 1 || equals >= end) {
      invalid('a pax header in it is malformed');
    }
    const key = data.toString('latin1', space + 1, equals);
    const value = data.subarray(equals + 1, end - 1);
    if (key === 'path') found.name = someText(value);
    else if (key === 'linkpath') found.target = someText(value);
    else if (key === 'size') found.size = readDecimal(value);
    else if (key.startsWith('GNU.sparse.')) invalid('it holds a sparse file, which programs read differently');
    at = end;
  }
  return found;
}

/** A name that stands in an entry of its own, up to its first NUL. */
export function readLongName(data: Buffer): string {
  const end = data.indexOf(NUL);
  return someText(end < 0 ? data : data.subarray(0, end));
}

function checksumOf(block: Buffer): number {
  // Its own field counts as spaces.
  let sum = 8 * SPACE;
  for (let at = 0; at < BLOCK_BYTES; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

/** Octal digits, or a binary number where the first bit is set (GNU tar). */
function readNumber(block: Buffer, start: number, length: number): number {
  const field = block.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const number = BigInt(`0x${field.toString('hex')}`) - (0x80n << BigInt(8 * (length - 1)));
    return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : invalidNumber();
  }
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(field.toString('latin1')) ?? invalidNumber();
  return digits === '' ? 0 : Number.parseInt(digits ?? '', 8);
}

function readDecimal(value: Buffer): number {
  const text = value.toString('latin1');
  return /^\d{1,15}$/.test(text) ? Number(text) : invalidNumber();
}

function invalidNumber(): never {
  return invalid('a number in a header is malformed');
}

/** A field up to its first NUL; a copy. */
function bytesAt(block: Buffer, start: number, length: number): Buffer {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(NUL);
  return Buffer.from(end < 0 ? field : field.subarray(0, end));
}

function someText(bytes: Buffer): string {
  return bytes.length === 0 ? invalid('an extended header gives an empty name') : nameText(bytes);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name or target; fails with ARCHIVE_INVALID where it is not UTF-8. */
export function nameText(bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return invalid(`the name ${shown(bytes.toString('latin1'))} is not UTF-8`);
  }
}

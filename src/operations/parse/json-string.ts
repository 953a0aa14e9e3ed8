import { TextDecoder } from 'node:util';
import { fail } from '../../errors/registry-error.ts';
import { passOn } from '../../shared/passing-bytes.ts';
import type { ChunkReader } from '../chunk-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;

/**
 * The raw text of a JSON string, in pieces that cut no escape, from behind the quote that opens it; leaves the reader behind the one that
 * closes it. A piece is good until the next. Fails with JSON_INVALID where the bytes end before.
 */
export async function* stringPieces(reader: ChunkReader): AsyncGenerator<Buffer> {
  /** An escape that the last chunk cut. */
  let held = Buffer.alloc(0);
  for (;;) {
    if (reader.at === reader.chunk.length && !(await reader.more())) {
      fail('JSON_INVALID', 'The JSON is not valid: it ends inside a string');
    }
    const fresh = reader.chunk.subarray(reader.at);
    const text = held.length === 0 ? fresh : Buffer.concat([held, fresh]);
    const end = closingQuote(text);
    if (end >= 0) {
      reader.at += end + 1 - held.length;
      if (end > 0) yield text.subarray(0, end);
      return;
    }
    reader.at = reader.chunk.length;
    const whole = wholeLength(text);
    held = Buffer.from(text.subarray(whole));
    if (whole > 0) yield text.subarray(0, whole);
  }
}

/** As `stringPieces`, where the string ends in the chunk that is there; else null, and the reader stays where it is. */
export function stringNow(reader: ChunkReader): Buffer | null {
  const text = reader.chunk.subarray(reader.at);
  const end = closingQuote(text);
  if (end < 0) return null;
  reader.at += end + 1;
  return text.subarray(0, end);
}

/** The bytes of the text that a string holds, as UTF-8. Fails with JSON_INVALID on escapes and bytes that are not text, half characters too. */
export async function* textBytes(pieces: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The first half of a character whose second is not there yet. */
  let half = '';
  for await (const piece of pieces) {
    const text = half + unescaped(decode(decoder, piece));
    half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
    const whole = text.slice(0, text.length - half.length);
    if (!whole.isWellFormed()) halfCharacter();
    if (whole !== '') yield Buffer.from(whole);
  }
  decode(decoder, null);
  if (half !== '') halfCharacter();
}

/**
 * The bytes that a string holds as base64 (RFC 4648, section 4), taken strictly: padded, nothing between, no bits left over. Fails with
 * BASE64_INVALID, whose sentence names the member, and with JSON_INVALID on malformed escapes.
 */
export async function* base64Bytes(pieces: AsyncIterable<Buffer>, member: string): AsyncGenerator<Uint8Array> {
  /** One to four characters, for the last four may be padded. */
  let held = '';
  for await (const piece of pieces) {
    const text = held + asciiText(piece);
    const length = text.length - (text.length % 4 || 4);
    held = text.slice(length);
    if (length > 0) yield passOn(decodedBase64(text.slice(0, length), member, false));
  }
  const last = decodedBase64(held, member, true);
  if (last.length > 0) yield last;
}

/** As `base64Bytes`, of a string that is there as a whole. */
export function base64Now(text: Buffer, member: string): Buffer {
  return decodedBase64(asciiText(text), member, true);
}

function asciiText(piece: Buffer): string {
  const text = piece.toString('latin1');
  return text.includes('\\') ? unescaped(text) : text;
}

/** `isEnd`: what may be padded. */
function decodedBase64(text: string, member: string, isEnd: boolean): Buffer {
  const padding = isEnd ? (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0) : 0;
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.floor(text.length / 4) * 3 - padding));
  // Written back, it must be the same. Decoding alone skips what is no base64.
  if (bytes.write(text, 'base64') !== bytes.length || bytes.toString('base64') !== text) notBase64(text, member, isEnd);
  return bytes;
}

/** A member's path as a sentence may show it: a JSON pointer in quotes, cut after 200 characters. */
export function pointerText(path: readonly string[]): string {
  const pointer = path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return JSON.stringify(pointer.length > 200 ? `${pointer.slice(0, 200)}…` : pointer);
}

/** Where the string ends; -1 when it goes on behind the piece. */
function closingQuote(text: Buffer): number {
  let at = text.indexOf(QUOTE);
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf(QUOTE, at + 1);
  return at;
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: Buffer, at: number): boolean {
  let first = at;
  while (first > 0 && text[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

/** How much of a piece cuts no escape at its end. */
function wholeLength(text: Buffer): number {
  const last = text.lastIndexOf(BACKSLASH);
  if (last < 0) return text.length;
  const start = isEscaped(text, last) ? last - 1 : last;
  const end = start + (text[start + 1] === SMALL_U ? 6 : 2);
  return end > text.length ? start : text.length;
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return fail('JSON_INVALID', 'The JSON is not valid: a string holds a malformed escape or a control character');
  }
}

/** With null: makes sure that no character was cut at the end. */
function decode(decoder: TextDecoder, bytes: Uint8Array | null): string {
  try {
    return bytes === null ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    return fail('JSON_INVALID', 'The JSON is not valid UTF-8');
  }
}

function halfCharacter(): never {
  return fail('JSON_INVALID', 'The JSON is not valid: a string that is to be stored as text holds half a character');
}

function notBase64(text: string, member: string, isEnd: boolean): never {
  fail('BASE64_INVALID', `The base64 at ${member} is not valid: ${reasonOf(text, isEnd)}`);
}

function reasonOf(text: string, isEnd: boolean): string {
  if (/\s/.test(text)) return 'white space stands in it';
  if (/[^A-Za-z0-9+/=]/.test(text)) return 'a character stands in it that is not of its alphabet';
  if (!isEnd || !/^[^=]+={0,2}$/.test(text)) return 'padding stands before its end';
  if (text.length % 4 !== 0) return 'its length is not a multiple of four';
  return 'bits are left over at its end';
}

import { fail } from '../errors/registry-error.ts';
import { printText } from './read.ts';

/** Longest key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** `%`, `/` and control characters; the code points of all of them have two hex digits. */
const TO_ENCODE = /[%/\p{Cc}]/u;
const TO_ENCODE_ALL = /[%/\p{Cc}]/gu;
const ESCAPE_OR_PERCENT = /%(?:[0-9A-F]{2})?/g;

/** An empty text is written as what no other text gives: a lone `%`. Nothing at all is null. */
const EMPTY = '%';

/**
 * A part's value as it stands in a key. Numbers and booleans are printed. Null gives nothing where the part is optional, else fails
 * with VALUE_MISSING; objects, numbers that are not finite and texts that are not well-formed Unicode fail with VALUE_INVALID.
 */
export function encodePart(name: string, optional: boolean, value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value))
    fail('VALUE_INVALID', `The part "${name}" of a key is not a finite number`, { path: name });
  const text = printText(value, name);
  if (text === null)
    return optional ? '' : fail('VALUE_MISSING', `The part "${name}" of a key is missing`, { path: name });
  return encodeText(text, name);
}

function encodeText(text: string, name: string): string {
  if (text === '') return EMPTY;
  // A store would write any lone surrogate as the same replacement character.
  if (!text.isWellFormed())
    fail('VALUE_INVALID', `The part "${name}" of a key is not well-formed Unicode`, { path: name });
  return TO_ENCODE.test(text) ? text.replace(TO_ENCODE_ALL, escapeOf) : text;
}

function escapeOf(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** The text that an encoded part stands for, null for nothing; undefined when no text is encoded like that. */
export function decodePart(encoded: string): string | null | undefined {
  if (encoded === '') return null;
  if (encoded === EMPTY) return '';
  const text = encoded.includes('%')
    ? encoded.replace(ESCAPE_OR_PERCENT, (sign) =>
        sign.length === 3 ? String.fromCharCode(Number.parseInt(sign.slice(1), 16)) : sign,
      )
    : encoded;
  return text.isWellFormed() && text.replace(TO_ENCODE_ALL, escapeOf) === encoded ? text : undefined;
}

/** Whether a text stands in a key as it is. */
export function isEncoded(text: string): boolean {
  return text !== '' && text.isWellFormed() && !TO_ENCODE.test(text);
}

/** Returns a key that a store takes: not empty, at most 1024 bytes; else fails with VALUE_INVALID. */
export function checkLength(key: string): string {
  if (key === '') fail('VALUE_INVALID', 'The key of a record is empty');
  // No UTF-16 code unit takes more than three bytes.
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    fail('VALUE_INVALID', `The key of a record is longer than ${MAX_KEY_BYTES} bytes`);
  }
  return key;
}

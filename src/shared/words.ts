import { stemmer } from 'stemmer';
import { createKnownWords, ownText } from './known-words.ts';

/** One word of a text: folded, and where it stands in the text as written. */
export interface Word {
  /** Without case and diacritics; at most 64 characters, of a longer one the beginning. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const MAX_WORD_LENGTH = 64;

/**
 * A run of letters, digits and marks. Han and Kana, written without spaces, count by the character: what stands together in a query
 * need not in a text, and all characters must be there.
 */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]\p{M}*|[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+/gv;

/** Letters with something in them that Unicode does not take apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

/** The words of a text, in order. Whatever is neither letter nor digit, NUL and halves of surrogate pairs too, stands between words. */
export function* wordsOf(text: string): Generator<Word> {
  for (const { 0: written, index } of text.matchAll(WORD)) {
    const word = fold(written);
    if (word !== '') yield { word, start: index, end: index + written.length };
  }
}

/** Stems of words that came before, which texts mostly have: to look one up takes a tenth of what finding it does. */
const stems = createKnownWords<string>(20_000);

/** What Porter's algorithm leaves of an English word (Porter 1980); words with other than the letters a to z stay as they are. */
export function stemOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const own = ownText(word);
  const stem = /^[a-z]+$/.test(own) ? stemmer(own) : own;
  stems.add(own, stem);
  return stem;
}

/** Compatibility forms are taken apart (so that full-width letters count as letters), accents dropped, the rest put together again. */
function fold(written: string): string {
  // Nearly every word there is.
  if (/^[a-z0-9]+$/.test(written)) return cut(written);
  const letters = written
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter] ?? '')
    .replace(/[^\p{L}\p{N}\p{M}]/gu, '')
    .normalize('NFC');
  return cut(letters);
}

/** By code points, so that no half of a surrogate pair is left. */
function cut(word: string): string {
  return word.length <= MAX_WORD_LENGTH ? word : [...word].slice(0, MAX_WORD_LENGTH).join('');
}

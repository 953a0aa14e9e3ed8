import { resembling, toleranceOf } from '../shared/resemblance.ts';
import { stemOf, wordsOf } from '../shared/words.ts';
import type { SimilarWords, TextColumn } from './record-search.ts';
import type { IndexRow, IndexSpec, Scalar } from './record-store.ts';

/** Characters of each text that are searched; what lies beyond is not found. */
export const MAX_TEXT_LENGTH = 10_000;
/** Different weights that an index may have: PostgreSQL tells four kinds of lexemes apart. */
export const MAX_WEIGHTS = 4;
export const MAX_WEIGHT = 1000;
/** Columns that an index may search: more could come to terms than a store takes of one record. */
export const MAX_TEXTS = 16;
/** Words of a query that count. */
export const MAX_QUERY_WORDS = 16;

/** Columns of one weight are searched as if they were one text. Classes are numbered from the heaviest. */
export interface TextClass {
  readonly weight: number;
  readonly columns: readonly string[];
}

/** What one record has to be found by. */
export interface RecordTerms {
  /** By class, in it words and their stems. A term stands in the heaviest of its classes only. */
  readonly classes: readonly (readonly string[])[];
  /** What a find is worth, by class. */
  readonly impacts: readonly number[];
  /** The words as they are, of all classes: what typed words are compared with. */
  readonly words: readonly string[];
}

/** One word of a query, as a store looks it up. */
export interface QueryWord {
  /** A term: the word itself, in whichever form. */
  readonly exact: string;
  /** Terms of which one must be there where `exact` is not; a find of these counts half. */
  readonly loose: readonly LooseTerm[];
}

export interface LooseTerm {
  readonly term: string;
  /** Any term that begins so will do. */
  readonly isPrefix: boolean;
}

/** Changes whenever other terms or impacts come of the same texts: indexes are then filled again. */
export const TERMS_REVISION = '1';

/** Asked for with each record that is written. */
const classesOf = new WeakMap<readonly TextColumn[], readonly TextClass[]>();

export function textClasses(text: readonly TextColumn[]): readonly TextClass[] {
  const known = classesOf.get(text);
  if (known !== undefined) return known;
  const weights = [...new Set(text.map(({ weight }) => weight))].sort((a, b) => b - a);
  const classes = weights.map((weight) => ({
    weight,
    columns: text.filter((entry) => entry.weight === weight).map(({ column }) => column),
  }));
  classesOf.set(text, classes);
  return classes;
}

/** What a find in a text of so many words is worth, in thousandths: the weight, and a quarter of it divided by the number of words. */
export function impactOf(weight: number, words: number): number {
  return Math.round(weight * 1000 * (1 + 1 / (4 * Math.max(words, 1))));
}

/** Null where the index has no texts, or the record no words. */
export function termsOfRow(spec: IndexSpec, row: IndexRow): RecordTerms | null {
  if (spec.text === undefined || spec.text.length === 0) return null;
  const known = new Set<string>();
  const words = new Set<string>();
  const impacts: number[] = [];
  const classes = textClasses(spec.text).map(({ weight, columns }) => {
    const terms: string[] = [];
    let count = 0;
    const add = (term: string): void => {
      if (known.has(term)) return;
      known.add(term);
      terms.push(term);
    };
    for (const column of columns) {
      for (const { word } of wordsOf(textOf(row[column] ?? null))) {
        count++;
        words.add(word);
        add(word);
        add(stemOf(word));
      }
    }
    impacts.push(impactOf(weight, count));
    return terms;
  });
  return known.size === 0 ? null : { classes, impacts, words: [...words] };
}

/** A column's text: of a list all elements that are texts. */
export function textOf(value: Scalar | readonly Scalar[]): string {
  if (typeof value === 'string') return beginningOf(value);
  if (typeof value !== 'object' || value === null) return '';
  return beginningOf(value.filter((element) => typeof element === 'string').join(', '));
}

/** What of a text is searched; never half a character at its end. */
function beginningOf(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text;
  const isHalf = /[\ud800-\udbff]/.test(text.charAt(MAX_TEXT_LENGTH - 1));
  return text.slice(0, isHalf ? MAX_TEXT_LENGTH - 1 : MAX_TEXT_LENGTH);
}

/** The words of a query that count, each once by its stem. The last one typed is the last. */
export function wordsOfQuery(text: string): readonly string[] {
  const words = new Map<string, string>();
  for (const { word } of wordsOf(text)) {
    const stem = stemOf(word);
    if (words.size === MAX_QUERY_WORDS && !words.has(stem)) break;
    // Taken out first, so that it stands where it was typed last.
    words.delete(stem);
    words.set(stem, word);
  }
  return [...words.values()];
}

/** How a store looks the words of a query up. */
export function queryWords(text: string, similar: SimilarWords | null): readonly QueryWord[] {
  const words = wordsOfQuery(text);
  return words.map((word, place) => {
    const exact = stemOf(word);
    const others = (similar?.[place] ?? []).map((other) => ({ term: stemOf(other), isPrefix: false }));
    const isLast = place === words.length - 1;
    const loose = [...(isLast ? [{ term: word, isPrefix: true }] : []), ...others];
    return { exact, loose: loose.filter(({ term, isPrefix }) => isPrefix || term !== exact) };
  });
}

/** Whether a word of a text is one that the query asks for: what is marked in hits. */
export function wordMatcher(text: string, similar: SimilarWords | null): (word: string) => boolean {
  const asked = queryWords(text, similar);
  const terms = new Set(asked.flatMap(({ exact, loose }) => [exact, ...loose.map(({ term }) => term)]));
  const prefixes = asked.flatMap(({ loose }) => loose.filter(({ isPrefix }) => isPrefix).map(({ term }) => term));
  return (word) => terms.has(word) || terms.has(stemOf(word)) || prefixes.some((prefix) => word.startsWith(prefix));
}

/**
 * For each word of a query the words of the index that resemble it. `candidates` gives at least the indexed words that share a trigram with
 * the word and whose length differs by `tolerance` at most.
 */
export function similarWords(
  text: string,
  candidates: (word: string, tolerance: number) => Iterable<string>,
): SimilarWords {
  return wordsOfQuery(text).map((word) => {
    const tolerance = toleranceOf(word);
    return tolerance === 0 ? [] : resembling(word, candidates(word, tolerance));
  });
}

import type { LooseTerm, QueryWord } from '../../ports/search-terms.ts';
import type { PlannedSearch } from './sql-search.ts';

/**
 * One look into FTS5: for the records that it finds, `code` is added to a sum. The sums are how many words each record has by class, 6 bits for
 * each class, first those that only begin like the word or resemble it, then the words themselves.
 */
export interface Look {
  readonly match: string;
  readonly code: number;
}

/** Column of FTS5 with the terms of a class. */
export const termsOf = (place: number): string => `c${place}`;

const BITS = 6;
/** Bits of half the fields, which a number has room for. */
const HALF = 4 * BITS;

/** What one word adds to the sum of a record that has it only loosely, and of one that has it itself, in a class of so many. */
export function looseCode(place: number): number {
  return 2 ** (BITS * place);
}

export function exactCode(place: number, classes: number): number {
  return 2 ** (BITS * (classes + place));
}

/**
 * The first look finds the records that have every word, each as if it were found loosely in the lightest class. The others set it right
 * word by word, from there up: found in one of the heavier classes, found itself, found itself in one of the heavier classes.
 */
export function looksOf({ words, search }: PlannedSearch): readonly [Look, ...Look[]] {
  const count = search.classes.length;
  const loose = looseCode;
  const exact = (place: number): number => exactCode(place, count);
  const last = count - 1;
  const looks: Look[] = [];
  let all = 0;
  for (const [at, word] of words.entries()) {
    // Of the other words those that are quick to find keep the look from finding too much; what the first look does not find is dropped.
    const others = words
      .filter((other, place) => place !== at && other.loose.length === 0)
      .map((other) => quote(other.exact));
    const look = (condition: string, code: number): void => {
      looks.push({ match: [`(${condition})`, ...others].join(' AND '), code });
    };
    const itself = quote(word.exact);
    const classesTo = (place: number): string =>
      `{${search.classes
        .slice(0, place + 1)
        .map((_, index) => termsOf(index))
        .join(' ')}}`;
    let from = exact(last);
    if (word.loose.length > 0) {
      for (let place = last - 1; place >= 0; place--)
        look(`${itself} OR ${classesTo(place)} : (${anyOf(word.loose)})`, loose(place) - loose(place + 1));
      look(itself, exact(last) - loose(0));
      from = loose(last);
    }
    for (let place = last - 1; place >= 0; place--)
      look(`${classesTo(place)} : ${itself}`, exact(place) - exact(place + 1));
    all += from;
  }
  return [{ match: words.map((word) => `(${anyForm(word)})`).join(' AND '), code: all }, ...looks];
}

/** What a record's finds are worth together: `code` is its sum, `impacts` what one find is worth by class. */
export function scoreOf(code: number, impacts: readonly number[]): number {
  const low = code % 2 ** HALF;
  const high = (code - low) / 2 ** HALF;
  const numberAt = (field: number): number =>
    ((field < HALF / BITS ? low : high) >> ((field * BITS) % HALF)) & (2 ** BITS - 1);
  let score = 0;
  for (let place = 0; place < impacts.length; place++) {
    const impact = impacts[place]!;
    score += numberAt(place) * Math.floor(impact / 2) + numberAt(impacts.length + place) * impact;
  }
  return score;
}

/** Terms hold letters, digits and marks: no quote can end one early. */
export function quote(term: string): string {
  return `"${term}"`;
}

function anyOf(loose: readonly LooseTerm[]): string {
  return loose.map(({ term, isPrefix }) => (isPrefix ? `${quote(term)} *` : quote(term))).join(' OR ');
}

function anyForm({ exact, loose }: QueryWord): string {
  return loose.length === 0 ? quote(exact) : `${quote(exact)} OR ${anyOf(loose)}`;
}

import type { QueryWord, RecordTerms } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import { firstAbove } from './sorted.ts';

/** What one record has for one word of a query: the class it was found in, the word itself before what only resembles it. */
interface Find {
  readonly class: number;
  readonly isExact: boolean;
}

/** The texts of one index of the memory store, by their terms. */
export class MemoryText {
  /** Which records have a term, and in which class. */
  readonly #postings = new Map<string, Map<string, number>>();
  /** The terms in byte order, for those that begin alike. */
  readonly #sorted: string[] = [];
  readonly #records = new Map<string, RecordTerms>();
  /** How many records have a word. */
  readonly #words = new Map<string, number>();
  readonly #byTrigram = new Map<string, Set<string>>();

  put(key: string, terms: RecordTerms): void {
    this.delete(key);
    this.#records.set(key, terms);
    for (const [place, list] of terms.classes.entries()) {
      for (const term of list) {
        let postings = this.#postings.get(term);
        if (postings === undefined) {
          postings = new Map();
          this.#postings.set(term, postings);
          this.#sorted.splice(firstAbove(this.#sorted, term, compareBytes), 0, term);
        }
        postings.set(key, place);
      }
    }
    for (const word of terms.words) {
      const count = this.#words.get(word) ?? 0;
      this.#words.set(word, count + 1);
      if (count > 0) continue;
      for (const trigram of trigramsOf(word)) {
        const words = this.#byTrigram.get(trigram) ?? new Set();
        this.#byTrigram.set(trigram, words.add(word));
      }
    }
  }

  delete(key: string): void {
    const terms = this.#records.get(key);
    if (terms === undefined) return;
    this.#records.delete(key);
    for (const term of terms.classes.flat()) {
      const postings = this.#postings.get(term);
      postings?.delete(key);
      if (postings?.size !== 0) continue;
      this.#postings.delete(term);
      this.#sorted.splice(firstAbove(this.#sorted, term, compareBytes) - 1, 1);
    }
    for (const word of terms.words) {
      const count = (this.#words.get(word) ?? 1) - 1;
      if (count > 0) this.#words.set(word, count);
      else this.#forget(word);
    }
  }

  #forget(word: string): void {
    this.#words.delete(word);
    for (const trigram of trigramsOf(word)) {
      const words = this.#byTrigram.get(trigram);
      words?.delete(word);
      if (words?.size === 0) this.#byTrigram.delete(trigram);
    }
  }

  /** Words that share a trigram with this one. */
  *sharing(word: string): Iterable<string> {
    const seen = new Set<string>();
    for (const trigram of trigramsOf(word)) {
      for (const other of this.#byTrigram.get(trigram) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        yield other;
      }
    }
  }

  /** The scores of the records that have every word. */
  scores(words: readonly QueryWord[]): ReadonlyMap<string, number> {
    let scores: Map<string, number> | null = null;
    for (const word of words) {
      const next = new Map<string, number>();
      for (const [key, find] of this.#finds(word)) {
        const before = scores === null ? 0 : scores.get(key);
        if (before !== undefined) next.set(key, before + this.#worth(key, find));
      }
      scores = next;
    }
    return scores ?? new Map();
  }

  #worth(key: string, { class: place, isExact }: Find): number {
    const impact = this.#records.get(key)?.impacts[place] ?? 0;
    return isExact ? impact : Math.trunc(impact / 2);
  }

  #finds({ exact, loose }: QueryWord): ReadonlyMap<string, Find> {
    const finds = new Map<string, Find>();
    for (const { term, isPrefix } of loose) {
      for (const found of isPrefix ? this.#beginningWith(term) : [term]) {
        for (const [key, place] of this.#postings.get(found) ?? []) {
          const known = finds.get(key);
          if (known === undefined || place < known.class) finds.set(key, { class: place, isExact: false });
        }
      }
    }
    for (const [key, place] of this.#postings.get(exact) ?? []) finds.set(key, { class: place, isExact: true });
    return finds;
  }

  *#beginningWith(prefix: string): Iterable<string> {
    const above = firstAbove(this.#sorted, prefix, compareBytes);
    // The prefix itself may be a term.
    for (let at = Math.max(0, above - 1); at < this.#sorted.length; at++) {
      const term = this.#sorted[at] ?? '';
      if (term.startsWith(prefix)) yield term;
      else if (at >= above) return;
    }
  }
}

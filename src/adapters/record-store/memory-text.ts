import type { TextColumn } from '../../ports/record-search.ts';
import { MAX_WEIGHTS, type QueryWord, type RecordTerms, textClasses } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import { trigramsOf } from '../../shared/resemblance.ts';
import { packNumbers, unpackNumbers } from './packed-numbers.ts';
import { SortedSet } from './sorted-set.ts';
import { enlarged } from './typed-arrays.ts';

/** One term of the index. */
interface Term {
  readonly text: string;
  readonly number: number;
  /** The records that have it: slot and class, as one number. */
  readonly postings: SortedSet<number>;
  /** How many records have it as a word. */
  words: number;
}

/** The records that have every word of a query, in no order, and what each is worth. */
export interface TextFinds {
  readonly slots: readonly number[];
  readonly scores: readonly number[];
}

/** Room for the classes that an index may have. */
const CLASSES = MAX_WEIGHTS;
const MARK_LOOSE = CLASSES;

/** The texts of one index of the memory store, by their terms. Records are known by their slots. */
export class MemoryText {
  readonly #terms = new Map<string, Term>();
  readonly #byNumber: (Term | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** For terms that begin alike. */
  readonly #sorted = new SortedSet<string>(compareBytes);
  readonly #byTrigram = new Map<string, Set<string>>();
  /** By slot, what `delete` needs: the number, the class and whether it is a word, of each term, as one number. */
  readonly #termsOf: string[] = [];
  readonly #classes: number;
  /** What a find is worth, by slot and class. */
  #impacts = new Uint32Array(0);
  /** By slot, while one word is looked up: 0, or one more than the class; above all classes where the find is loose. */
  #marks = new Uint8Array(0);

  constructor(text: readonly TextColumn[]) {
    this.#classes = textClasses(text).length;
  }

  /** Adds a record that is not in it. */
  add(slot: number, terms: RecordTerms): void {
    if (slot >= this.#marks.length) this.#marks = enlarged(this.#marks, slot + 1);
    const last = (slot + 1) * this.#classes;
    if (last > this.#impacts.length) this.#impacts = enlarged(this.#impacts, last);
    this.#impacts.set(terms.impacts, slot * this.#classes);
    const words = new Set(terms.words);
    const numbers: number[] = [];
    for (const [place, list] of terms.classes.entries()) {
      for (const text of list) {
        const term = this.#terms.get(text) ?? this.#create(text);
        term.postings.add(slot * CLASSES + place);
        if (words.has(text) && term.words++ === 0) this.#learn(text);
        numbers.push((term.number * CLASSES + place) * 2 + (words.has(text) ? 1 : 0));
      }
    }
    while (this.#termsOf.length < slot) this.#termsOf.push('');
    this.#termsOf[slot] = packNumbers(numbers);
  }

  /** Takes a record out; one that is not in it, too. */
  delete(slot: number): void {
    for (const number of unpackNumbers(this.#termsOf[slot] ?? '')) {
      const term = this.#byNumber[Math.floor(number / (CLASSES * 2))];
      if (term === undefined) continue;
      term.postings.delete(slot * CLASSES + (Math.floor(number / 2) % CLASSES));
      if (number % 2 === 1 && --term.words === 0) this.#unlearn(term.text);
      if (term.postings.isEmpty) this.#remove(term);
    }
    if (slot < this.#termsOf.length) this.#termsOf[slot] = '';
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

  /** The records that have every word; without words none. */
  find(words: readonly QueryWord[]): TextFinds {
    let slots: number[] = [];
    let scores: number[] = [];
    for (const [place, word] of words.entries()) {
      const marked = this.#mark(word);
      if (place === 0) {
        slots = marked;
        scores = marked.map((slot) => this.#worth(slot));
      } else {
        let kept = 0;
        for (const [at, slot] of slots.entries()) {
          if (this.#marks[slot] === 0) continue;
          slots[kept] = slot;
          scores[kept++] = (scores[at] ?? 0) + this.#worth(slot);
        }
        slots.length = kept;
        scores.length = kept;
      }
      for (const slot of marked) this.#marks[slot] = 0;
    }
    return { slots, scores };
  }

  /** Marks what has a word; gives the slots. A find of the word itself goes before others, then the heaviest class. */
  #mark({ exact, loose }: QueryWord): number[] {
    const marks = this.#marks;
    const marked: number[] = [];
    const markAll = (term: Term, base: number): void => {
      term.postings.forEach((posting) => {
        const slot = Math.floor(posting / CLASSES);
        const mark = base + (posting % CLASSES) + 1;
        const known = marks[slot] ?? 0;
        if (known === 0) marked.push(slot);
        if (known === 0 || mark < known) marks[slot] = mark;
      });
    };
    const found = this.#terms.get(exact);
    if (found !== undefined) markAll(found, 0);
    for (const { term, isPrefix } of loose) {
      for (const text of isPrefix ? this.#beginningWith(term) : [term]) {
        const other = this.#terms.get(text);
        if (other !== undefined && other !== found) markAll(other, MARK_LOOSE);
      }
    }
    return marked;
  }

  /** What the mark of a slot is worth. */
  #worth(slot: number): number {
    const mark = (this.#marks[slot] ?? 1) - 1;
    const impact = this.#impacts[slot * this.#classes + (mark % CLASSES)] ?? 0;
    return mark < MARK_LOOSE ? impact : Math.trunc(impact / 2);
  }

  *#beginningWith(prefix: string): Iterable<string> {
    for (const text of this.#sorted.from(prefix)) {
      if (!text.startsWith(prefix)) return;
      yield text;
    }
  }

  #create(text: string): Term {
    const number = this.#freeNumbers.pop() ?? this.#byNumber.length;
    const term: Term = { text, number, postings: new SortedSet(ascending), words: 0 };
    this.#byNumber[number] = term;
    this.#terms.set(text, term);
    this.#sorted.add(text);
    return term;
  }

  #remove({ text, number }: Term): void {
    this.#terms.delete(text);
    this.#sorted.delete(text);
    this.#byNumber[number] = undefined;
    this.#freeNumbers.push(number);
  }

  #learn(word: string): void {
    for (const trigram of trigramsOf(word)) {
      const words = this.#byTrigram.get(trigram) ?? new Set();
      this.#byTrigram.set(trigram, words.add(word));
    }
  }

  #unlearn(word: string): void {
    for (const trigram of trigramsOf(word)) {
      const words = this.#byTrigram.get(trigram);
      words?.delete(word);
      if (words?.size === 0) this.#byTrigram.delete(trigram);
    }
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}

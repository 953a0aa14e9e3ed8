import type { FacetCount, FacetQuery, SearchPosition } from '../../ports/record-search.ts';
import { decodeScalar } from '../../ports/scalar-text.ts';
import { compareBytes } from '../../shared/compare.ts';

/** A hit before its record was read. */
export interface ScoredHit {
  /** The record's number. */
  readonly record: number;
  readonly key: string;
  readonly score: number;
}

/** The first of all hits in their order, which go by one by one. */
export interface BestHits {
  add(record: number, key: string, score: number): void;
  /** In their order. */
  readonly hits: readonly ScoredHit[];
}

/** Keeps at most so many of those after a position. */
export function createBestHits(most: number, after: SearchPosition | null): BestHits {
  const hits: ScoredHit[] = [];
  return {
    hits,
    add(record, key, score) {
      if (after !== null && orderOf(score, key, after) <= 0) return;
      const last = hits.at(-1);
      if (last !== undefined && hits.length === most && orderOf(score, key, last) > 0) return;
      let [from, to] = [0, hits.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (orderOf(score, key, hits[middle]!) > 0) from = middle + 1;
        else to = middle;
      }
      hits.splice(from, 0, { record, key, score });
      if (hits.length > most) hits.pop();
    },
  };
}

/** Negative where a hit of this score and key comes before the other, positive where it comes after. */
function orderOf(score: number, key: string, other: SearchPosition): number {
  return other.score - score || compareBytes(key, other.key);
}

/** How many hits have which value in one column. */
export interface FacetCounter {
  /** The column of a hit: an encoded scalar, or a list of them as JSON, each once. */
  add(carried: string): void;
  /** The values of most hits; ties in the order of scalars. */
  counts(): readonly FacetCount[];
}

export function createFacetCounter({ limit }: FacetQuery, isList: boolean): FacetCounter {
  const numbers = new Map<string, number>();
  return {
    add: (carried) => void numbers.set(carried, (numbers.get(carried) ?? 0) + 1),
    counts() {
      const found = [...(isList ? numbersOfElements(numbers) : numbers)];
      found.sort(([one, count], [other, otherCount]) => otherCount - count || compareBytes(one, other));
      return found.slice(0, limit).map(([text, count]) => ({ value: decodeScalar(text), count }));
    },
  };
}

/** Many hits have the same list: each is taken apart once. */
function numbersOfElements(lists: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [list, count] of lists) {
    const elements: readonly string[] = JSON.parse(list);
    for (const element of elements) numbers.set(element, (numbers.get(element) ?? 0) + count);
  }
  return numbers;
}

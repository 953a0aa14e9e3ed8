import type { Filter, Scalar, StoredRecord } from './record-store.ts';

/**
 * Ranked search in the texts of an index. Every store gives the same hits with the same scores in the same order, because what counts as a
 * word, its stem and what a find is worth are decided in one place (`search-terms.ts`); stores only look up, add and sort.
 *
 * A record is a hit when it has every word of the query in one or other of its texts: the word itself in any of its English forms
 * (Porter's stem), whatever case and accents; for the last word a word that begins with it will do; and where `similar` says so, one that
 * resembles it. A word counts with the impact of the heaviest text it stands in (`impactOf`: the weight, up to a quarter more the shorter
 * the text); one that only begins with the word typed, or resembles it, counts half. The score is their sum; ties go by key, ascending.
 * It depends on nothing but the record and the query: a position stays right while others write. What is not written meanwhile is shown
 * once, and what lies behind the position does not come again.
 *
 * Nothing that a person types is an operator. A query without words has no hits.
 */
export interface SearchQuery {
  readonly collection: string;
  readonly index: string;
  /** What the person typed. The first 16 different words count. */
  readonly text: string;
  /** Words to look for beside the typed ones; null for none. */
  readonly similar: SimilarWords | null;
  readonly where: readonly Filter[];
  readonly limit: number;
  /** Only hits after this one. */
  readonly after: SearchPosition | null;
  /** Whether all hits are counted, those before `after`, too; costs grow with them. */
  readonly wantsTotal: boolean;
  /** Columns and list columns of the index whose values are counted over all hits; costs grow with them. */
  readonly facets: readonly FacetQuery[];
}

export interface FacetQuery {
  readonly column: string;
  /** Values at most: those of most hits, ties in the order of scalars. */
  readonly limit: number;
}

/** For each typed word, in the order of `wordsOfQuery`, the words that are taken for it, too. */
export type SimilarWords = readonly (readonly string[])[];

export interface SearchPosition {
  readonly score: number;
  readonly key: string;
}

export interface SearchHit extends StoredRecord {
  /** In thousandths of a weight. */
  readonly score: number;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** Whether there are more after the last one. */
  readonly more: boolean;
  /** Null unless it was asked for. */
  readonly total: number | null;
  /** By column asked for. */
  readonly facets: Readonly<Record<string, readonly FacetCount[]>>;
}

export interface FacetCount {
  readonly value: Scalar;
  /** Hits with this value, or with this element among others. */
  readonly count: number;
}

export interface SimilarQuery {
  readonly collection: string;
  readonly index: string;
  readonly text: string;
}

/** A column that is searched. It may be a scalar or a list column of the index, too. */
export interface TextColumn {
  readonly column: string;
  /** Above 0 and at most 1000; an index has 16 texts and 4 different weights at most. */
  readonly weight: number;
}

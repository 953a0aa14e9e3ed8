import { encodeFilter } from '../../ports/encoded-filter.ts';
import type { FacetCount, FacetQuery, SearchHit, SearchPage, SearchQuery } from '../../ports/record-search.ts';
import { decodeScalar } from '../../ports/scalar-text.ts';
import { queryWords } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { MemoryCollection, MemoryRecord } from './memory-collection.ts';
import type { MemoryIndex } from './memory-index.ts';

/** Searches one index; `isShown` says which records have not expired. */
export function searchMemory(
  collection: MemoryCollection,
  asked: SearchQuery,
  isShown: (record: MemoryRecord) => boolean,
): SearchPage {
  const index = collection.index(asked.index);
  const where = asked.where.map(encodeFilter);
  const found: SearchHit[] = [];
  for (const [key, score] of index.text?.scores(queryWords(asked.text, asked.similar)) ?? []) {
    const record = collection.records.get(key);
    if (record === undefined || !isShown(record) || !index.fits(key, where)) continue;
    found.push({ key, value: record.value, version: record.version, score });
  }
  found.sort(compareHits);
  const { after, limit } = asked;
  const behind = after === null ? found : found.filter((hit) => compareHits(hit, after) > 0);
  return {
    hits: behind.slice(0, limit),
    more: behind.length > limit,
    total: asked.wantsTotal ? found.length : null,
    facets: Object.fromEntries(asked.facets.map((facet) => [facet.column, countValues(index, found, facet)])),
  };
}

type Placed = Pick<SearchHit, 'score' | 'key'>;

function compareHits(a: Placed, b: Placed): number {
  return b.score - a.score || compareBytes(a.key, b.key);
}

function countValues(index: MemoryIndex, hits: readonly SearchHit[], { column, limit }: FacetQuery): FacetCount[] {
  const counts = new Map<string, number>();
  for (const { key } of hits) {
    for (const value of index.valuesOf(key, column)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .sort(([valueA, a], [valueB, b]) => b - a || compareBytes(valueA, valueB))
    .slice(0, limit)
    .map(([value, count]) => ({ value: decodeScalar(value), count }));
}

import type { FacetCount, FacetQuery, SearchHit, SearchPage, SearchQuery } from '../../ports/record-search.ts';
import type { Scalar } from '../../ports/record-store.ts';
import { queryWords } from '../../ports/search-terms.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { MemoryCollection } from './memory-collection.ts';
import type { MemoryIndex } from './memory-index.ts';
import type { MemoryRecord } from './memory-record.ts';
import { compareScalars } from './memory-scalars.ts';
import { firstAbove } from './sorted.ts';

/** Searches one index; `isShown` says which records have not expired. */
export function searchMemory(
  collection: MemoryCollection,
  asked: SearchQuery,
  isShown: (record: MemoryRecord) => boolean,
): SearchPage {
  const { after, limit, facets, wantsTotal } = asked;
  const index = collection.index(asked.index);
  const fits = asked.where.length === 0 ? null : index.test(asked.where);
  const { slots, scores } = index.text?.find(queryWords(asked.text, asked.similar)) ?? { slots: [], scores: [] };
  const wantsAll = wantsTotal || facets.length > 0;
  const counted: number[] = [];
  const best: SearchHit[] = [];
  for (let at = 0; at < slots.length; at++) {
    const slot = slots[at] ?? 0;
    const score = scores[at] ?? 0;
    // The least of a full page, with one more that tells that there are more.
    const least = best.length > limit ? best[limit] : undefined;
    if (!wantsAll && least !== undefined && score < least.score) continue;
    if (fits !== null && !fits(slot)) continue;
    const record = collection.at(slot);
    if (record === undefined || !isShown(record)) continue;
    if (wantsAll) counted.push(slot);
    if (least !== undefined && score < least.score) continue;
    const { key, value, version } = record;
    const hit = { key, value, version, score };
    if (after !== null && compareHits(hit, after) <= 0) continue;
    if (least !== undefined && compareHits(hit, least) > 0) continue;
    best.splice(firstAbove(best, hit, compareHits), 0, hit);
    if (best.length > limit + 1) best.pop();
  }
  return {
    hits: best.slice(0, limit),
    more: best.length > limit,
    total: wantsTotal ? counted.length : null,
    facets: Object.fromEntries(facets.map((facet) => [facet.column, countValues(index, counted, facet)])),
  };
}

type Placed = Pick<SearchHit, 'score' | 'key'>;

function compareHits(a: Placed, b: Placed): number {
  return b.score - a.score || compareBytes(a.key, b.key);
}

function countValues({ columns }: MemoryIndex, slots: readonly number[], { column, limit }: FacetQuery): FacetCount[] {
  const counts = new Map<Scalar, number>();
  for (const slot of slots) {
    for (const value of columns.valuesOf(slot, column)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || compareScalars(a.value, b.value))
    .slice(0, limit);
}

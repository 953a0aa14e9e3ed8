import type { Json } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { StoredValue } from '../language/values.ts';
import type { FacetCount, SearchHit, SearchPage, SearchQuery, SimilarWords } from '../ports/record-search.ts';
import type { IndexRow, RecordStore } from '../ports/record-store.ts';
import { encodeScalar } from '../ports/scalar-text.ts';
import { textOf, wordMatcher, wordsOfQuery } from '../ports/search-terms.ts';
import { compareBytes } from '../shared/compare.ts';
import { snippetOf } from '../shared/snippet.ts';
import { wordsOf } from '../shared/words.ts';
import type { FoundPage, IndexPlan, TextQuery } from './contract.ts';
import type { DocumentRules } from './documents.ts';
import type { RequestState } from './request-state.ts';

/** Values of a facet that are shown. */
const FACET_VALUES = 100;
/** How many hits are looked at at a time where some may be invisible. */
const VISIBLE_PAGE = 100;

type Visible = DocumentRules['visible'];

/** Searches an index as one request sees it; `visible` is null where it may see all. */
export async function searchIndex(
  session: RequestState,
  index: IndexPlan,
  query: TextQuery,
  visible: Visible,
): Promise<FoundPage> {
  const purpose = `search ${index.name} ${index.spec.revision} ${query.text}`;
  const store = searchable(session.engine.store(index.document.store));
  const place = query.cursor === null ? null : placeOf(session.openCursor(purpose, query.cursor));
  const [collection, name, { text }] = [index.document.name, index.name, query];
  const lookUp = () => {
    session.countIo();
    return store.similarWords({ collection, index: name, text });
  };
  const base: SearchQuery = {
    collection,
    index: name,
    text,
    similar: place?.similar === 'again' ? await lookUp() : (place?.similar ?? null),
    where: query.where,
    limit: query.limit,
    after: place === null ? null : { score: place.score, key: place.key },
    wantsTotal: query.wantsTotal,
    facets: query.facets.map((column) => ({ column, limit: FACET_VALUES })),
  };
  const find = (asked: SearchQuery): Promise<SearchPage> | SearchPage => {
    if (visible !== null) return searchVisible(session, store, index, asked, visible);
    session.countIo();
    return store.search(asked);
  };
  let similar = base.similar;
  let page = await find(base);
  // What is invisible is absent: where only such things have the words, those that resemble them are looked for, too.
  if (page.hits.length === 0 && place === null) {
    const resembling = await lookUp();
    if (resembling.some((words) => words.length > 0)) {
      similar = resembling;
      page = await find({ ...base, similar });
    }
  }
  const records = page.hits.map(({ key, value, version }) => new StoredValue(key, value, version));
  const needsRows = query.highlight !== null || (visible !== null && similar !== null);
  const rows = needsRows ? await rowsOf(session, index, records) : [];
  const last = page.more ? page.hits.at(-1) : undefined;
  // The words of an index are those of all records: only such as the hits have are shown to who may not see all. Their cursors say
  // nothing of words, which are looked up anew with each page.
  const kept = visible === null || similar === null ? similar : 'again';
  const shown = visible === null || similar === null ? similar : wordsIn(index, rows, similar);
  return {
    records,
    scores: page.hits.map(({ score }) => score / 1000),
    highlights: query.highlight === null ? [] : highlightAll(session, index, rows, query, similar),
    next: last === undefined ? null : session.sealCursor(purpose, { s: last.score, k: last.key, w: kept }),
    total: page.total,
    facets: page.facets,
    similar: page.hits.length === 0 || shown === null ? null : byWord(text, shown),
  };
}

function byWord(text: string, similar: SimilarWords): FoundPage['similar'] {
  const pairs = wordsOfQuery(text).map((word, place) => [word, similar[place] ?? []] as const);
  return Object.fromEntries(pairs.filter(([, words]) => words.length > 0));
}

interface SearchingStore {
  readonly search: NonNullable<RecordStore['search']>;
  readonly similarWords: NonNullable<RecordStore['similarWords']>;
}

function searchable({ search, similarWords }: RecordStore): SearchingStore {
  if (search !== undefined && similarWords !== undefined) return { search, similarWords };
  throw new RegistryError('INTERNAL', { message: 'The record store cannot search texts' });
}

interface Place {
  readonly score: number;
  readonly key: string;
  /** `again`: they are looked up anew. */
  readonly similar: SimilarWords | 'again' | null;
}

function placeOf(position: Json): Place {
  const { s, k, w } = position as { s: number; k: string; w: Place['similar'] };
  return { score: s, key: k, similar: w };
}

/** Looks at hit after hit, all of them where they are to be counted. */
async function searchVisible(
  session: RequestState,
  store: SearchingStore,
  index: IndexPlan,
  asked: SearchQuery,
  visible: NonNullable<Visible>,
): Promise<SearchPage> {
  const counts = asked.wantsTotal || asked.facets.length > 0;
  const counted = asked.facets.map(() => new Map<string, FacetCount>());
  const hits: SearchHit[] = [];
  let total = 0;
  const limit = Math.max(asked.limit + 1, VISIBLE_PAGE);
  const bare = { ...asked, limit, wantsTotal: false, facets: [] };
  for (let from = counts ? null : asked.after; ; ) {
    session.countIo();
    const page: SearchPage = await store.search({ ...bare, after: from });
    const start = performance.now();
    for (const hit of page.hits) {
      const value = new StoredValue(hit.key, hit.value, hit.version);
      if (!(await visible(value, session.principal))) continue;
      total++;
      const row = asked.facets.length === 0 ? null : await index.row(value.value);
      for (const [place, { column }] of asked.facets.entries()) countInto(counted[place], row, column);
      // One more than asked for tells whether there is more that this principal may see.
      if (hits.length <= asked.limit && isBehind(hit, asked.after)) hits.push(hit);
    }
    session.spend(performance.now() - start);
    session.checkCpu();
    from = page.hits.at(-1) ?? null;
    if (!page.more || (!counts && hits.length > asked.limit)) break;
  }
  const facets = asked.facets.map(({ column, limit: most }, place) => {
    const values = [...(counted[place] ?? [])];
    values.sort(([textA, a], [textB, b]) => b.count - a.count || compareBytes(textA, textB));
    return [column, values.slice(0, most).map(([, count]) => count)];
  });
  return {
    hits: hits.slice(0, asked.limit),
    more: hits.length > asked.limit,
    total: asked.wantsTotal ? total : null,
    facets: Object.fromEntries(facets),
  };
}

function isBehind(hit: SearchHit, after: SearchQuery['after']): boolean {
  if (after === null || hit.score !== after.score) return after === null || hit.score < after.score;
  return compareBytes(hit.key, after.key) > 0;
}

function countInto(counts: Map<string, FacetCount> | undefined, row: IndexRow | null, column: string): void {
  const held = row?.[column] ?? null;
  const values = typeof held === 'object' && held !== null ? held : [held];
  const byText = new Map(values.map((value) => [encodeScalar(value), value]));
  for (const [text, value] of byText) counts?.set(text, { value, count: (counts.get(text)?.count ?? 0) + 1 });
}

/** What the records have in the index. */
async function rowsOf(
  session: RequestState,
  index: IndexPlan,
  records: readonly StoredValue[],
): Promise<readonly (IndexRow | null)[]> {
  const rows: (IndexRow | null)[] = [];
  const start = performance.now();
  for (const record of records) rows.push(await index.row(record.value));
  session.spend(performance.now() - start);
  return rows;
}

/** Those of the words that stand in the rows. */
function wordsIn({ spec }: IndexPlan, rows: readonly (IndexRow | null)[], similar: SimilarWords): SimilarWords {
  const there = new Set<string>();
  for (const row of rows) {
    for (const { column } of spec.text ?? []) {
      for (const { word } of wordsOf(textOf(row?.[column] ?? null))) there.add(word);
    }
  }
  return similar.map((words) => words.filter((word) => there.has(word)));
}

function highlightAll(
  session: RequestState,
  { spec }: IndexPlan,
  rows: readonly (IndexRow | null)[],
  { text, highlight }: TextQuery,
  similar: SimilarWords | null,
): FoundPage['highlights'] {
  const marks = { before: '', after: '', ...highlight, isMarked: wordMatcher(text, similar) };
  const start = performance.now();
  const highlights = rows.map((row) => {
    const entries = (spec.text ?? []).map(({ column }): [string, string | null] => {
      const shown = textOf(row?.[column] ?? null);
      return [column, shown === '' ? null : snippetOf(shown, marks)];
    });
    return Object.fromEntries(entries);
  });
  session.spend(performance.now() - start);
  session.checkCpu();
  return highlights;
}

import type { SearchPage, SearchQuery } from '../../src/ports/record-search.ts';
import type { CollectionSpec, IndexRow, RecordPut, RecordStore, Scalar } from '../../src/ports/record-store.ts';

/** Documents with three texts of different weight, of which `tags` is a list that can be asked for, too. */
export const PAPERS: CollectionSpec = {
  name: 'papers',
  indexes: [
    {
      name: 'papers.texts',
      columns: ['kind', 'year'],
      arrays: ['tags'],
      text: [
        { column: 'title', weight: 3 },
        { column: 'abstract', weight: 2 },
        { column: 'tags', weight: 1 },
      ],
      keys: [{ name: 'by_kind', fields: ['kind'], sort: [], unique: false }],
      revision: '1',
    },
    {
      name: 'papers.owners',
      columns: ['owner'],
      arrays: [],
      keys: [{ name: 'one', fields: ['owner'], sort: [], unique: true }],
      revision: '1',
    },
  ],
};

export interface Paper {
  readonly title?: string | null;
  readonly abstract?: string | null;
  readonly tags?: readonly Scalar[];
  readonly kind?: Scalar;
  readonly year?: Scalar;
  /** Gives the record a row in the index with a unique key. */
  readonly owner?: string;
}

export function paperRow({ title = null, abstract = null, tags = [], kind = null, year = null }: Paper): IndexRow {
  return { title, abstract, tags, kind, year };
}

export function paper(key: string, fields: Paper, expiresAt: number | null = null): RecordPut {
  const rows = { 'papers.texts': paperRow(fields) };
  return {
    collection: 'papers',
    key,
    value: JSON.stringify(fields),
    expiresAt,
    rows: fields.owner === undefined ? rows : { ...rows, 'papers.owners': { owner: fields.owner } },
  };
}

export function searchOf(text: string, parts: Partial<SearchQuery> = {}): SearchQuery {
  return {
    collection: 'papers',
    index: 'papers.texts',
    text,
    similar: null,
    where: [],
    limit: 100,
    after: null,
    wantsTotal: false,
    facets: [],
    ...parts,
  };
}

/** Searches a store that can. */
export async function search(store: RecordStore, query: SearchQuery): Promise<SearchPage> {
  if (store.search === undefined) throw new Error('The store cannot search');
  return store.search(query);
}

/** The words taken for the typed ones. */
export async function similarTo(store: RecordStore, text: string) {
  if (store.similarWords === undefined) throw new Error('The store cannot search');
  return store.similarWords({ collection: 'papers', index: 'papers.texts', text });
}

/** Keys of the hits, in order. */
export async function hitsOf(store: RecordStore, text: string, parts: Partial<SearchQuery> = {}) {
  return (await search(store, searchOf(text, parts))).hits.map(({ key }) => key);
}

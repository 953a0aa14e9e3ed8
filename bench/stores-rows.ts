import { randomUUID } from 'node:crypto';
import type { FacetQuery, SearchQuery } from '../src/ports/record-search.ts';
import type { Filter, IndexQuery, Order, RecordStore } from '../src/ports/record-store.ts';
import type { MaybePromise } from '../src/shared/maybe-promise.ts';
import { timeOrderedId } from '../src/shared/time-ordered-id.ts';
import {
  COLLECTION,
  INDEX,
  isInTheMiddle,
  keyOf,
  NAMESPACES,
  namespace,
  packageOf,
  positionOf,
  putOf,
  scatter,
  tag,
  word,
} from './stores-documents.ts';

/**
 * What a row is held to. `page`: what an index has in order, which must not grow with the store. `sorted`, `count`, `search` and `facets` grow
 * with what fits, or with how much of the store is asked for. `write`: one commit at a time; `writes`: many.
 */
export type RowKind = 'read' | 'page' | 'sorted' | 'count' | 'search' | 'facets' | 'write' | 'writes';

/** One question that is asked again and again, about one thing after the other. */
export interface ReadRow {
  readonly name: string;
  readonly title: string;
  readonly kind: Exclude<RowKind, WriteRow['kind']>;
  /** The question for a turn, ready to be asked of a store of so many documents; what comes back is checked to be no less than `least`. */
  ask(size: number, turn: number): (store: RecordStore) => MaybePromise<number>;
  readonly least: number;
  /** How many records fit the question of a turn; null where that says nothing. */
  readonly matches: ((store: RecordStore, size: number, turn: number) => MaybePromise<number>) | null;
  /**
   * After how many turns the same things are asked for again: as many in a small store as in a large one, as clients do who mostly ask for
   * what others ask for, too. Infinity: never, so that what is asked for is in no cache but the system's, and what that costs is measured, too.
   */
  readonly things: number;
}

/** Commits, each of one new document with an event. */
export interface WriteRow {
  readonly name: string;
  readonly title: string;
  readonly kind: 'write' | 'writes';
  /** How many wait for their commits at the same time. */
  readonly writers: number;
}

export type StoreRow = ReadRow | WriteRow;

const PAGE = 20;
const THINGS = 200;
/** Pages: no more records than the smallest store has. */
const THINGS_OF_PAGES = 25;
const NEWEST: readonly Order[] = [{ column: 'created', descending: true }];
const FACETS: readonly FacetQuery[] = [
  { column: 'namespace', limit: 10 },
  { column: 'tags', limit: 10 },
];

const READ: ReadRow = {
  name: 'read',
  title: 'one record by its key',
  kind: 'read',
  ask(size, turn) {
    const key = keyOf(documentAt(size, turn));
    return (store) => whole(store.get(COLLECTION, key), (record) => (record === null ? 0 : 1));
  },
  least: 1,
  matches: null,
  things: THINGS,
};

const AFTER = page('newest-after', '20 of all after a cursor in the middle', (size, turn) => ({
  where: [],
  order: NEWEST,
  after: positionOf(middleAt(size, turn)),
}));

/** What is measured, in order; writes come last. */
export const STORE_ROWS: readonly StoreRow[] = [
  {
    name: 'sequence',
    title: 'the commit sequence (what caches compare)',
    kind: 'read',
    ask: () => async (store) => ((await store.sequence()) >= 0 ? 1 : 0),
    least: 1,
    matches: null,
    things: THINGS,
  },
  READ,
  { ...READ, name: 'read-anywhere', title: 'one record by its key, another one each time', things: Infinity },
  {
    name: 'keys',
    title: '20 by key: those that begin with a namespace',
    kind: 'page',
    ask(_, turn) {
      const prefix = `version/${namespaceAt(turn)}/`;
      return (store) => whole(store.list({ collection: COLLECTION, prefix, after: null, limit: PAGE }), length);
    },
    least: PAGE,
    matches: null,
    things: THINGS,
  },
  page('package', '20 versions of a package, highest first', (size, turn) => {
    const pack = packageOf(documentAt(size, turn));
    return {
      where: [equal('namespace', pack.namespace), equal('name', pack.name)],
      order: [{ column: 'version', descending: true }],
    };
  }),
  page('namespace', '20 of a namespace, newest first', (_, turn) => ({
    where: [equal('namespace', namespaceAt(turn))],
    order: NEWEST,
  })),
  page('two-namespaces', '20 of two namespaces, newest first', (_, turn) => ({
    where: [{ column: 'namespace', op: 'in', values: [namespaceAt(turn), namespace(turn % NAMESPACES)] }],
    order: NEWEST,
  })),
  page('newest', '20 of all, newest first', () => ({ where: [], order: NEWEST })),
  page(
    'namespace-after',
    '20 of a namespace after a cursor in the middle',
    (size, turn) => {
      const middle = middleAt(size, turn);
      return { where: [equal('namespace', packageOf(middle).namespace)], order: NEWEST, after: positionOf(middle) };
    },
    5,
  ),
  AFTER,
  page('tag', '20 with a tag', (_, turn) => ({ where: [tagged(tagAt(turn))], order: [] })),
  page('tag-newest', '20 with a tag, newest first', (_, turn) => ({ where: [tagged(tagAt(turn))], order: NEWEST })),
  page('two-tags', '20 with one of two tags, newest first', (_, turn) => ({
    where: [tagged(tagAt(turn), tagAt(turn + 1))],
    order: NEWEST,
  })),
  page('tag-after', '20 with a tag after a cursor in the middle', (size, turn) => ({
    where: [tagged(tagAt(turn))],
    order: NEWEST,
    after: positionOf(middleAt(size, turn)),
  })),
  page(
    'tag-namespace',
    '20 with a tag, of a namespace, newest first',
    (_, turn) => ({ where: [tagged(tag(1)), equal('namespace', namespaceAt(turn))], order: NEWEST }),
    10,
  ),
  {
    ...AFTER,
    name: 'anywhere',
    title: '20 of all after a cursor, another one each time',
    kind: 'sorted',
    things: Infinity,
  },
  {
    ...page('sorted', '20 of a namespace in an order that no key has', (_, turn) => ({
      where: [equal('namespace', namespaceAt(turn))],
      order: [{ column: 'version', descending: false }],
    })),
    kind: 'sorted',
  },
  count('count-package', 'how many versions a package has', (size, turn) => {
    const pack = packageOf(documentAt(size, turn));
    return [equal('namespace', pack.namespace), equal('name', pack.name)];
  }),
  count('count-namespace', 'how many a namespace has', (_, turn) => [equal('namespace', namespaceAt(turn))]),
  count('count-tag', 'how many have a tag', (_, turn) => [tagged(tagAt(turn))]),
  search('search-rare', 'search: a word of one in 1000', (turn) => ({ text: rareAt(turn) })),
  search('search', 'search: a word of one in 100', (turn) => ({ text: wordAt(turn) })),
  search('search-total', 'search: a word of one in 100, with total and two facets', (turn) => ({
    text: wordAt(turn),
    wantsTotal: true,
    facets: FACETS,
  })),
  search('search-half', 'search: the first half of such a word', (turn) => ({ text: wordAt(turn).slice(0, 4) })),
  search('search-two', 'search: two words', (turn) => ({ text: twoAt(turn) })),
  search('search-two-total', 'search: two words, with total and two facets', (turn) => ({
    text: twoAt(turn),
    wantsTotal: true,
    facets: FACETS,
  })),
  search('search-tag', 'search: a word among those with a tag', (turn) => ({
    text: wordAt(turn),
    where: [tagged(tag(1))],
  })),
  search('search-common', 'search: a word of one in 10', (turn) => ({ text: commonAt(turn) })),
  search('search-common-total', 'search: a word of one in 10, with total and two facets', (turn) => ({
    text: commonAt(turn),
    wantsTotal: true,
    facets: FACETS,
  })),
  { name: 'write', title: 'a commit, one writer', kind: 'write', writers: 1 },
  { name: 'write-64', title: 'a commit, 64 writers', kind: 'writes', writers: 64 },
];

/** Commits a new document, one that no store was filled with; gives its key. */
export async function commitOne(store: RecordStore, number: number): Promise<string> {
  const put = putOf(number);
  const { key } = put;
  const result = await store.commit({
    id: timeOrderedId(),
    checks: [{ kind: 'record', collection: COLLECTION, key, version: null }],
    puts: [put],
    deletes: [],
    events: [{ id: randomUUID(), type: 'published', at: new Date().toISOString(), payload: JSON.stringify({ key }) }],
  });
  if (!result.ok) throw new Error(`A commit was refused: ${result.reason}`);
  return key;
}

function page(
  name: string,
  title: string,
  queryAt: (size: number, turn: number) => Pick<IndexQuery, 'where' | 'order'> & Partial<Pick<IndexQuery, 'after'>>,
  least = PAGE,
): ReadRow {
  return {
    name,
    title,
    kind: 'page',
    ask(size, turn) {
      const query = { collection: COLLECTION, index: INDEX, limit: PAGE, after: null, ...queryAt(size, turn) };
      return (store) => whole(store.query(query), length);
    },
    least,
    matches: (store, size, turn) =>
      store.count({ collection: COLLECTION, index: INDEX, where: queryAt(size, turn).where }),
    things: THINGS_OF_PAGES,
  };
}

function count(name: string, title: string, whereAt: (size: number, turn: number) => readonly Filter[]): ReadRow {
  const ask = (size: number, turn: number) => {
    const query = { collection: COLLECTION, index: INDEX, where: whereAt(size, turn) };
    return (store: RecordStore) => store.count(query);
  };
  const matches = (store: RecordStore, size: number, turn: number) => ask(size, turn)(store);
  return { name, title, kind: 'count', ask, least: 1, matches, things: THINGS };
}

function search(
  name: string,
  title: string,
  queryAt: (turn: number) => Pick<SearchQuery, 'text'> & Partial<SearchQuery>,
): ReadRow {
  const whole: Omit<SearchQuery, 'text'> = {
    collection: COLLECTION,
    index: INDEX,
    similar: null,
    where: [],
    limit: PAGE,
    after: null,
    wantsTotal: false,
    facets: [],
  };
  const searchIn = async (store: RecordStore, query: SearchQuery) => {
    if (store.search === undefined) throw new Error('The store cannot search');
    return store.search(query);
  };
  return {
    name,
    title,
    kind: (queryAt(0).facets ?? []).length > 0 ? 'facets' : 'search',
    ask(_, turn) {
      const query = { ...whole, ...queryAt(turn) };
      return async (store) => (await searchIn(store, query)).hits.length;
    },
    // Nothing in a small store has some words.
    least: 0,
    matches: async (store, _, turn) =>
      (await searchIn(store, { ...whole, ...queryAt(turn), wantsTotal: true })).total ?? 0,
    things: THINGS,
  };
}

function whole<T>(answer: MaybePromise<T>, size: (answer: T) => number): MaybePromise<number> {
  return answer instanceof Promise ? answer.then(size) : size(answer);
}

function length({ records }: { readonly records: readonly unknown[] }): number {
  return records.length;
}

function equal(column: string, value: string): Filter {
  return { column, op: 'eq', value };
}

function tagged(...values: string[]): Filter {
  return { column: 'tags', op: 'any', values };
}

function documentAt(size: number, turn: number): number {
  return scatter(turn, 100) % size;
}

function middleAt(size: number, turn: number): number {
  for (let attempt = 0; ; attempt++) {
    const number = scatter(turn, 101 + attempt) % size;
    if (isInTheMiddle(number)) return number;
  }
}

function namespaceAt(turn: number): string {
  return namespace(scatter(turn, 102));
}

/** Tags of about one document in ten. */
function tagAt(turn: number): string {
  return tag(5 + (turn % 4));
}

function wordAt(turn: number): string {
  return word(100 + (scatter(turn, 103) % 50));
}

function rareAt(turn: number): string {
  return word(1000 + (scatter(turn, 104) % 500));
}

function commonAt(turn: number): string {
  return word(10 + (scatter(turn, 105) % 5));
}

function twoAt(turn: number): string {
  return `${word(10 + (scatter(turn, 106) % 10))} ${word(20 + (scatter(turn, 107) % 10))}`;
}

import { randomUUID } from 'node:crypto';
import type { GuardedRecordStore } from '../../src/adapters/guards/record-store.ts';
import type {
  CollectionSpec,
  Commit,
  CommitResult,
  IndexQuery,
  IndexRow,
  Page,
  RecordPut,
  RecordStore,
  Scalar,
} from '../../src/ports/record-store.ts';
import type { FakeClock } from './fake-clock.ts';

/** One place where records are kept. */
export interface RecordPlace {
  /** A store on the place; a second one is like a second process, or one started after the first was killed. */
  open(clock: FakeClock): RecordStore;
  remove(): Promise<void>;
}

/** What the parts of the suite work with; `store` is new and migrated for every test. */
export interface RecordSuite {
  readonly store: GuardedRecordStore;
  readonly clock: FakeClock;
  readonly place: RecordPlace;
  /** Another store on the same place, migrated; closed after the test. Only where the store is shared. */
  another(): Promise<GuardedRecordStore>;
  /** A store on a new place, not migrated; both are gone after the test. `reopen` gives another on that place, where the store is shared. */
  elsewhere(): Promise<{ readonly store: GuardedRecordStore; reopen(): GuardedRecordStore }>;
}

/** Documents with a row in `items` always and one in `claims` when they have an owner. */
export const ITEMS: CollectionSpec = {
  name: 'items',
  indexes: [
    {
      name: 'items.all',
      columns: ['name', 'rank', 'flag'],
      arrays: ['tags', 'marks'],
      keys: [
        { name: 'by_name', fields: ['name'], sort: [{ column: 'rank', descending: true }], unique: false },
        {
          name: 'ranked',
          fields: [],
          sort: [
            { column: 'rank', descending: true },
            { column: 'name', descending: false },
          ],
          unique: false,
        },
        { name: 'by_tag', fields: ['tags'], sort: [{ column: 'rank', descending: false }], unique: false },
        {
          name: 'by_flag_and_tag',
          fields: ['flag', 'tags'],
          sort: [{ column: 'name', descending: true }],
          unique: false,
        },
      ],
      revision: '1',
    },
    {
      name: 'items.claims',
      columns: ['owner', 'slot'],
      arrays: ['aliases'],
      keys: [
        { name: 'one_per_slot', fields: ['owner', 'slot'], sort: [], unique: true },
        { name: 'one_per_alias', fields: ['aliases'], sort: [], unique: true },
      ],
      revision: '1',
    },
  ],
};

/** A collection without indexes, whose names need care in SQL. */
export const PLAIN: CollectionSpec = { name: `odd "name'; DROP TABLE records; --`, indexes: [] };

export interface ItemRow {
  readonly name?: Scalar;
  readonly rank?: Scalar;
  readonly flag?: Scalar;
  readonly tags?: readonly Scalar[];
  readonly marks?: readonly Scalar[];
}

export interface ClaimRow {
  readonly owner?: Scalar;
  readonly slot?: Scalar;
  readonly aliases?: readonly Scalar[];
}

export function itemRow({ name = null, rank = null, flag = null, tags = [], marks = [] }: ItemRow): IndexRow {
  return { name, rank, flag, tags, marks };
}

/** A put of one item; null expires never. */
export function item(key: string, row: ItemRow = {}, expiresAt: number | null = null): RecordPut {
  return { collection: 'items', key, value: JSON.stringify({ key }), expiresAt, rows: { 'items.all': itemRow(row) } };
}

/** A put of an item with a row in the index that has unique keys. */
export function claim(
  key: string,
  { owner = null, slot = null, aliases = [] }: ClaimRow,
  expiresAt: number | null = null,
): RecordPut {
  return { ...item(key, {}, expiresAt), rows: { 'items.claims': { owner, slot, aliases } } };
}

export function commitOf(parts: Partial<Commit>): Commit {
  return { id: randomUUID(), checks: [], puts: [], deletes: [], events: [], ...parts };
}

/** Commits and expects success; returns the version. */
export async function write(store: RecordStore, parts: Partial<Commit>): Promise<number> {
  const result = await store.commit(commitOf(parts));
  if (!result.ok) throw new Error(`The commit was refused: ${JSON.stringify(result)}`);
  return result.version;
}

/** The keys of a result's lost check or holder: what a test compares. */
export function reasonOf(result: CommitResult): string {
  if (result.ok) return 'ok';
  return result.reason === 'check'
    ? `check ${result.check.kind}`
    : `unique ${result.index} ${result.keyName} ${result.holder}`;
}

export function keysOf(page: Page): readonly string[] {
  return page.records.map(({ key }) => key);
}

export function itemQuery(parts: Partial<IndexQuery>): IndexQuery {
  return { collection: 'items', index: 'items.all', where: [], order: [], limit: 100, after: null, ...parts };
}

/** All pages of a query, one after the other; `between` runs after each. */
export async function readAll(
  store: RecordStore,
  query: IndexQuery,
  between: (page: Page) => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const keys: string[] = [];
  let after = query.after;
  for (;;) {
    const page: Page = await store.query({ ...query, after });
    keys.push(...keysOf(page));
    await between(page);
    const last = page.records.at(-1);
    if (!page.more || last === undefined) return keys;
    after = { values: last.position, key: last.key };
  }
}

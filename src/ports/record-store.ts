import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { RecordTransfer } from './record-dump.ts';
import type { SearchPage, SearchQuery, SimilarQuery, SimilarWords, TextColumn } from './record-search.ts';

/**
 * The record store: ordered keys in collections, a version on every record, and one atomic commit with checks.
 * Model: Deno KV and FoundationDB. Every adapter gives the same answers; what one cannot do, its capabilities say.
 *
 * Reads may answer at once or by promise (`MaybePromise`): an embedded store answers at once.
 */
export interface RecordStore extends RecordTransfer {
  readonly capabilities: RecordStoreCapabilities;

  /**
   * Opens the place and brings tables and indexes to what the definition asks: additive, idempotent, safe when called by several
   * processes at once. The first call of a store. An index that is new or whose columns changed is filled from the stored records
   * through `project`; one that is not declared any more is left, unused, until `tables.dropUnused`. Records that were written to the
   * new indexes are told of now and then.
   */
  migrate(
    collections: readonly CollectionSpec[],
    project: ProjectRecord,
    onProgress?: (progress: IndexProgress) => void,
  ): MaybePromise<void>;

  /** The record, or null when absent or expired. */
  get(collection: string, key: string): MaybePromise<StoredRecord | null>;
  /** As many answers as keys, in their order, read at one moment. */
  getMany(collection: string, keys: readonly string[]): MaybePromise<readonly (StoredRecord | null)[]>;
  /** Records whose key starts with `prefix`, in byte order of their keys. */
  list(query: ListQuery): MaybePromise<Page>;
  /** Records of a declared index that fit all filters, in the order asked for; ties are broken by key, ascending. */
  query(query: IndexQuery): MaybePromise<Page>;
  /** How many records fit. Cost grows with the matches. */
  count(query: CountQuery): MaybePromise<number>;

  /** Ranked text search; see `record-search.ts`. Absent, as is `similarWords`, where `capabilities.fullText` is false. */
  search?(query: SearchQuery): MaybePromise<SearchPage>;
  /**
   * The words of an index that resemble those of a query: what to search with where nothing was found. Words that no record has any more
   * may be among them; they find nothing.
   */
  similarWords?(query: SimilarQuery): MaybePromise<SimilarWords>;

  /**
   * Applies everything or nothing. The checks are evaluated again inside the commit; the first that fails is returned.
   * Serializable together with all other commits. When it resolves with a version, the writes are durable
   * (as far as `capabilities.durable` says) and visible to every later read on every process that shares the store.
   * A commit without writes only evaluates its checks, at one moment. One whose id was applied before is not applied again:
   * its version is the answer.
   * Throws COMMIT_UNKNOWN when the connection broke after the commit was sent: ask `outcome`.
   */
  commit(commit: Commit): MaybePromise<CommitResult>;
  /** What became of the commit with this id, for at least an hour after it: its version, or null when it was not applied and never will be. */
  outcome(commitId: string): MaybePromise<number | null>;

  /**
   * The log in commit order, from the position after `after` (0 is the beginning). What is shown is final: no earlier
   * event appears later. Positions may have holes; holes are void.
   */
  events(after: number, limit: number): MaybePromise<readonly StoredEvent[]>;
  /**
   * Grows with every commit that becomes visible, and may grow without one; cheap. What caches compare, with itself and nothing else.
   */
  sequence(): MaybePromise<number>;
  /** Calls back soon after the log or the sequence grew, by whichever process. Returns a function that stops it. */
  watch(onChange: () => void): () => void;

  /** The statements that such work comes down to, for people to look at; absent where a store has none. Reads and writes nothing. */
  explain?(work: StoreWork): readonly string[];

  /** Removes records that expired, at most `limit`; returns how many went. Expired records are absent to all reads anyway. */
  sweepExpired(limit: number): MaybePromise<number>;
  health(): MaybePromise<StoreHealth>;
  /** For an administrator; absent where a store keeps nothing. Usable before `migrate`. */
  readonly tables?: StoreTables;
  /** Waits for work in flight and refuses new work with CLOSING. Idempotent. */
  close(): MaybePromise<void>;
}

export interface RecordStoreCapabilities {
  /** A success answer survives power loss. */
  readonly durable: boolean;
  /** Several processes may open the same data. */
  readonly shared: boolean;
  /** Ranked text search. */
  readonly fullText: boolean;
  /** Largest value in bytes, null for no limit of its own. */
  readonly maxValueBytes: number | null;
}

/** The form of what a store keeps. */
export interface StoreTables {
  /** The engine's own migrations in their order, and the indexes that no definition declares any more. */
  status(): MaybePromise<{
    readonly migrations: readonly EngineMigration[];
    readonly unusedIndexes: readonly string[];
  }>;
  /** Makes the engine's own tables what this release needs; gives the names of the migrations that were done. */
  up(): MaybePromise<readonly string[]>;
  /** Undoes the newest of the engine's migrations, with all that its tables hold. */
  down(): MaybePromise<readonly string[]>;
  /** Drops indexes that no definition declares any more; gives their names. */
  dropUnused(): MaybePromise<readonly string[]>;
}

export interface EngineMigration {
  readonly name: string;
  /** ISO 8601; null where it is not done. */
  readonly doneAt: string | null;
}

export interface StoreHealth {
  readonly ok: boolean;
  readonly latencyMs: number;
  /** Why not, for an administrator. */
  readonly reason?: string;
}

export interface StoredRecord {
  readonly key: string;
  /** The document as stored: JSON text. */
  readonly value: string;
  /**
   * Version of the commit that last wrote it. Positive; grows with every commit that is later in the store's order. Commits that have nothing
   * to do with each other may have the same.
   */
  readonly version: number;
}

/** Scalars that can be indexed. Order: null, false, true, numbers, strings by their UTF-8 bytes. */
export type Scalar = string | number | boolean | null;

/** What a record looks like in one index: a value for every column (scalar), a list for every array column. */
export type IndexRow = Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** Rows of one record by index name. An index that is left out does not contain the record. */
export type IndexRows = Readonly<Record<string, IndexRow>>;

/** Computes a stored record's index rows, for indexes that have to be filled again. */
export type ProjectRecord = (collection: string, key: string, value: string) => MaybePromise<IndexRows>;

/** How far the indexes of a collection are filled. */
export interface IndexProgress {
  readonly collection: string;
  readonly done: number;
  /** Records of the collection, about. */
  readonly total: number;
}

export interface CollectionSpec {
  /** Document name; unique in the store. */
  readonly name: string;
  readonly indexes: readonly IndexSpec[];
}

export interface IndexSpec {
  /** Unique in the store. */
  readonly name: string;
  /** Columns that hold one scalar. */
  readonly columns: readonly string[];
  /** Columns that hold a list of scalars, each element of which is indexed. */
  readonly arrays: readonly string[];
  /** Columns that are searched, left out where none is. Rows have a text, a list of texts or null in them. */
  readonly text?: readonly TextColumn[];
  readonly keys: readonly IndexKeySpec[];
  /** Of the collection's records far fewer than most may have a row; left out where that is not so. What a store takes for small costs, not for what is right. */
  readonly isPartial?: true;
  /** Changes when what the rows contain changes (other derive, other filter): the index is then filled again. */
  readonly revision: string;
}

/** One way to look records up: equality on `fields`, then in the order of `sort`. Becomes one database index. */
export interface IndexKeySpec {
  readonly name: string;
  readonly fields: readonly string[];
  readonly sort: readonly Order[];
  /** No two unexpired records may agree in all `fields`. */
  readonly unique: boolean;
}

export interface Order {
  readonly column: string;
  readonly descending: boolean;
}

/** Ranges stay inside the type of their bound: `lt 5` shows numbers only. A prefix shows strings only. */
export type Filter =
  | { readonly column: string; readonly op: 'eq' | 'gt' | 'gte' | 'lt' | 'lte'; readonly value: Scalar }
  | { readonly column: string; readonly op: 'in'; readonly values: readonly Scalar[] }
  | { readonly column: string; readonly op: 'prefix'; readonly value: string }
  /** On array columns: one of, or all of, the values are among the elements. */
  | { readonly column: string; readonly op: 'any' | 'all'; readonly values: readonly Scalar[] };

export interface ListQuery {
  readonly collection: string;
  readonly prefix: string;
  /** Only keys after this one. */
  readonly after: string | null;
  readonly limit: number;
}

/** What a store can be asked to explain. */
export type StoreWork = ReadWork | WriteWork;
export type ReadWork =
  | { readonly kind: 'get' | 'getMany'; readonly collection: string }
  | { readonly kind: 'list'; readonly query: ListQuery }
  | { readonly kind: 'query'; readonly query: IndexQuery }
  | { readonly kind: 'count'; readonly query: CountQuery }
  | { readonly kind: 'search'; readonly query: SearchQuery };
/** One write of a commit. */
export type WriteWork = { readonly kind: 'put' | 'delete'; readonly collection: string } | { readonly kind: 'event' };

export interface CountQuery {
  readonly collection: string;
  readonly index: string;
  readonly where: readonly Filter[];
}

export interface IndexQuery extends CountQuery {
  readonly order: readonly Order[];
  readonly limit: number;
  /** Only rows after this position in `order`. */
  readonly after: Position | null;
  /** False: nobody asks whether there are more, so that a store need not look, and the page's `more` says nothing. True when left out. */
  readonly wantsMore?: boolean;
}

/** A place in an ordered list: the values of the order's columns, in their order, and the key. */
export interface Position {
  readonly values: readonly Scalar[];
  readonly key: string;
}

export interface Page {
  readonly records: readonly IndexedRecord[];
  /** Whether there are more after the last one. */
  readonly more: boolean;
}

export interface IndexedRecord extends StoredRecord {
  /** Values of the order's columns, for a cursor; empty in lists. */
  readonly position: readonly Scalar[];
}

/**
 * Something that was read and must not have changed. `list`, `query` and `count` are run again inside the commit:
 * the fingerprint of a page is the keys and versions it showed and whether there were more (`pageFingerprint`).
 */
export type Check =
  | {
      readonly kind: 'record';
      readonly collection: string;
      readonly key: string /** null: absent */;
      readonly version: number | null;
    }
  | { readonly kind: 'list'; readonly query: ListQuery; readonly fingerprint: string }
  | { readonly kind: 'query'; readonly query: IndexQuery; readonly fingerprint: string }
  | { readonly kind: 'count'; readonly query: CountQuery; readonly count: number };

export interface RecordPut {
  readonly collection: string;
  readonly key: string;
  /** JSON text. */
  readonly value: string;
  /** Milliseconds since the epoch; null never expires. */
  readonly expiresAt: number | null;
  readonly rows: IndexRows;
}

export interface RecordDelete {
  readonly collection: string;
  readonly key: string;
}

export interface NewEvent {
  readonly id: string;
  readonly type: string;
  /** ISO 8601. */
  readonly at: string;
  /** JSON text. */
  readonly payload: string;
}

export interface StoredEvent extends NewEvent {
  readonly position: number;
  /** Version of the commit that appended it. */
  readonly version: number;
}

export interface Commit {
  /** A random id; settles an unknown outcome. One that begins with the time (`timeOrderedId`) is cheaper to remember. */
  readonly id: string;
  readonly checks: readonly Check[];
  /** At most one put or delete per collection and key. */
  readonly puts: readonly RecordPut[];
  readonly deletes: readonly RecordDelete[];
  readonly events: readonly NewEvent[];
}

export type CommitResult =
  | {
      readonly ok: true /** Of this commit; where nothing was written, no version that anything has. */;
      readonly version: number;
    }
  /** A check does not hold any more: read again and retry. */
  | { readonly ok: false; readonly reason: 'check'; readonly check: Check }
  /** The writes would break a unique key held by a record that the commit does not replace. */
  | {
      readonly ok: false;
      readonly reason: 'unique';
      readonly index: string;
      readonly keyName: string;
      readonly holder: string;
    };

/** Fingerprint of a page as the checks compare it. */
export function pageFingerprint(page: Page): string {
  let text = page.more ? '+' : '.';
  for (const record of page.records) text += `${record.version}:${record.key}\n`;
  return text;
}

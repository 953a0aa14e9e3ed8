import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { RecordDelete, StoredEvent } from './record-store.ts';

/** What of the record store port moves a whole store: into a backup, out of one, or into another store. Usable before `migrate`. */
export interface RecordTransfer {
  /**
   * All that the store holds at one moment, while writes go on. Whoever asks closes it. A store that is one connection only holds
   * writes back until then.
   */
  dump(): MaybePromise<RecordDump>;
  /**
   * Begins to fill the store, or goes on with a load of the same origin that did not finish. The store forgets its indexes and is marked:
   * until `finish`, `migrate` refuses it, and no ordinary start takes a part for the whole. Fails with ALREADY_EXISTS where the store holds
   * anything or another load has begun, unless `replace` is set: then everything in it is removed first.
   */
  load(options: LoadOptions): MaybePromise<RecordLoad>;
  /** The load that has begun and not finished; null: there is none. */
  loadMark(): MaybePromise<LoadMark | null>;
}

/** One moment of a store. */
export interface RecordDump {
  /** No record and no event has a version above it; those of later commits lie above it. May differ between two moments between which nothing was written. */
  readonly sequence: number;
  /** Collections that hold records, in byte order of their names; expired records are among those counted. */
  readonly collections: readonly CollectionSize[];
  /** How many events there are. */
  readonly events: number;
  /** Records of a collection in byte order of their keys, expired ones too, in batches that are small enough for memory. */
  records(collection: string): AsyncIterable<readonly DumpedRecord[]>;
  /** The log in the order of its positions, in such batches. */
  log(): AsyncIterable<readonly StoredEvent[]>;
  /** Lets the moment go. Idempotent. */
  close(): MaybePromise<void>;
}

export interface CollectionSize {
  readonly name: string;
  readonly records: number;
}

/** A record with all that a store keeps of it. */
export interface DumpedRecord {
  readonly key: string;
  /** The document as stored, to the byte. */
  readonly value: string;
  readonly version: number;
  /** Milliseconds since the epoch; null never expires. */
  readonly expiresAt: number | null;
}

export interface LoadOptions {
  /** What the store is filled from, for people to read: a load with the same text goes on where one stopped. At most 500 characters. */
  readonly origin: string;
  /** ISO 8601; kept with the mark. */
  readonly at: string;
  /** Removes all that the store holds before a load begins; one that goes on keeps what it has. */
  readonly replace: boolean;
}

export interface LoadMark {
  readonly origin: string;
  /** When it began, ISO 8601. */
  readonly at: string;
}

/** A store that is being filled. What it holds so far is read as it is written: one load at a time works on a store. */
export interface RecordLoad {
  /** Names of the collections that hold records, in byte order. */
  collections(): MaybePromise<readonly string[]>;
  /** What is there of a collection, in byte order of the keys after `after`: a batch that is small enough for memory; an empty one is the end. */
  held(collection: string, after: string | null): MaybePromise<readonly DumpedRecord[]>;
  /** The events that are there after a position, in order, in such batches. */
  heldEvents(after: number): MaybePromise<readonly StoredEvent[]>;
  /** All of it or nothing. Fails with CONFLICT when the load has ended meanwhile: another process finished it, or began anew. */
  write(batch: LoadBatch): MaybePromise<void>;
  /**
   * Takes the mark away. Versions given from now on lie above `sequence`, which is that of the dump, and positions above all that were loaded. Indexes are
   * built by the `migrate` that follows.
   */
  finish(sequence: number): MaybePromise<void>;
}

export interface LoadBatch {
  /** Written with their versions, in place of what has the same key. */
  readonly puts: readonly LoadedRecord[];
  readonly deletes: readonly RecordDelete[];
  /** Written with their versions and positions, in place of what has the same position. */
  readonly events: readonly StoredEvent[];
}

export interface LoadedRecord extends DumpedRecord {
  readonly collection: string;
}

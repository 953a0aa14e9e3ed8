import type { StoredValue } from '../language/values.ts';
import type {
  Check,
  Commit,
  CountQuery,
  IndexQuery,
  ListQuery,
  NewEvent,
  Page,
  RecordPut,
  RecordStore,
} from '../ports/record-store.ts';
import { pageFingerprint } from '../ports/record-store.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { timeOrderedId } from '../shared/time-ordered-id.ts';

/** A buffered write; a null put is a delete. */
export interface PendingWrite {
  readonly collection: string;
  readonly key: string;
  readonly put: RecordPut | null;
  /** What later reads of the transaction see; null after a delete. */
  readonly value: StoredValue | null;
  /** Digests of blobs that the document names. */
  readonly digests: readonly string[];
}

/** What a `once` step did in the first attempt: what it bound, or how it failed. */
export type OnceOutcome = { readonly values: readonly unknown[] } | { readonly error: unknown };

/** Kept over all attempts of one transaction. */
export interface TransactionMemory {
  readonly once: Map<string, OnceOutcome>;
}

/**
 * One attempt: what was read (as checks) and what is to be written. Reads are repeatable: a record that was read once keeps
 * its value until the attempt ends, even when somebody else commits meanwhile; the commit then fails its check.
 */
export class Transaction {
  readonly store: RecordStore;
  readonly memory: TransactionMemory;
  readonly writes = new Map<string, PendingWrite>();
  readonly deferred: (() => MaybePromise<unknown>)[] = [];
  readonly #reads = new Map<string, StoredValue | null>();
  readonly #checks: Check[] = [];
  readonly #events: NewEvent[] = [];
  readonly #passes = new Map<string, number>();
  #path = '';

  constructor(store: RecordStore, memory: TransactionMemory) {
    this.store = store;
    this.memory = memory;
  }

  /** What this attempt knows of a record: its own write, or what it read before; undefined when it has not looked. */
  known(collection: string, key: string): StoredValue | null | undefined {
    const id = recordId(collection, key);
    const write = this.writes.get(id);
    return write !== undefined ? write.value : this.#reads.get(id);
  }

  noteRecord(collection: string, key: string, value: StoredValue | null): void {
    const id = recordId(collection, key);
    if (this.#reads.has(id)) return;
    this.#reads.set(id, value);
    this.#checks.push({ kind: 'record', collection, key, version: value === null ? null : value.version });
  }

  /** What was stored under the key when the attempt read it; undefined when it never did. */
  readBefore(collection: string, key: string): StoredValue | null | undefined {
    return this.#reads.get(recordId(collection, key));
  }

  noteList(query: ListQuery, page: Page): void {
    this.#checks.push({ kind: 'list', query, fingerprint: pageFingerprint(page) });
  }

  noteQuery(query: IndexQuery, page: Page): void {
    this.#checks.push({ kind: 'query', query, fingerprint: pageFingerprint(page) });
  }

  noteCount(query: CountQuery, count: number): void {
    this.#checks.push({ kind: 'count', query, count });
  }

  write(write: PendingWrite): void {
    this.writes.set(recordId(write.collection, write.key), write);
  }

  /** Forgets what was to be written; the reads stay to be proved. */
  drop(): void {
    this.writes.clear();
    this.#events.length = 0;
    this.deferred.length = 0;
  }

  emit(event: NewEvent): void {
    this.#events.push(event);
  }

  /**
   * Names the run of a `once` step by its place and the rounds and calls around it, so that the same run of the next attempt finds its
   * outcome, whatever other runs there are of the same step.
   */
  onceKey(step: string): string {
    return this.#path + step;
  }

  /** A call or a round of a loop begins; the result ends it when it is given to `leave`. */
  enter(place: string): string {
    const around = this.#path;
    const pass = this.#passes.get(around + place) ?? 0;
    this.#passes.set(around + place, pass + 1);
    this.#path = `${around}${place}#${pass}/`;
    return around;
  }

  leave(around: string): void {
    this.#path = around;
  }

  /** Digests that the buffered documents name and that the documents they replace, as this attempt read them, did not. */
  newDigests(digestsOf: (collection: string, value: StoredValue) => readonly string[]): Set<string> {
    const digests = new Set<string>();
    for (const write of this.writes.values()) {
      if (write.digests.length === 0) continue;
      const before = this.readBefore(write.collection, write.key);
      const kept = before ? new Set(digestsOf(write.collection, before)) : null;
      for (const digest of write.digests) if (!kept?.has(digest)) digests.add(digest);
    }
    return digests;
  }

  /** The turns that a commit of this attempt touches. */
  turnKeys(): Set<string> {
    const keys = new Set<string>();
    for (const check of this.#checks) keys.add(turnKey(check));
    for (const write of this.writes.values()) {
      keys.add(recordId(write.collection, write.key));
      keys.add(rangeTurn(write.collection));
    }
    return keys;
  }

  get hasChecks(): boolean {
    return this.#checks.length > 0;
  }

  /** The commit of this attempt; without writes it only evaluates the checks. */
  toCommit(withWrites: boolean): Commit {
    const puts: RecordPut[] = [];
    const deletes: { collection: string; key: string }[] = [];
    if (withWrites) {
      for (const write of this.writes.values()) {
        if (write.put !== null) puts.push(write.put);
        else deletes.push({ collection: write.collection, key: write.key });
      }
    }
    return { id: timeOrderedId(), checks: this.#checks, puts, deletes, events: withWrites ? this.#events : [] };
  }
}

export function recordId(collection: string, key: string): string {
  return `${collection}\0${key}`;
}

function rangeTurn(collection: string): string {
  return `${collection}\0`;
}

/** The turn that a lost check asks for: the record, or everything in the collection where a range was lost. */
export function turnKey(check: Check): string {
  return check.kind === 'record' ? recordId(check.collection, check.key) : rangeTurn(check.query.collection);
}

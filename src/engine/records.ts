import { randomUUID } from 'node:crypto';
import type { Json } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { writeJson } from '../language/json.ts';
import { toPlain } from '../language/member.ts';
import { StoredValue } from '../language/values.ts';
import type {
  Filter,
  IndexedRecord,
  IndexQuery,
  ListQuery,
  Page,
  Position,
  RecordStore,
  Scalar,
} from '../ports/record-store.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import type { DocumentPlan, FoundPage, IndexPlan, RecordPage, RecordQuery, Records, TextQuery } from './contract.ts';
import type { DocumentRules } from './documents.ts';
import { countOverlay, overlayList, overlayQuery } from './overlay.ts';
import type { RequestState } from './request-state.ts';
import { searchIndex } from './search.ts';
import type { PendingWrite, Transaction } from './transaction.ts';

/** Records as one request sees them: through its open transaction and through `visible_when`. */
export class RequestRecords implements Records {
  readonly #session: RequestState;

  constructor(session: RequestState) {
    this.#session = session;
  }

  get(document: DocumentPlan, key: string, asRegistry = false): MaybePromise<StoredValue | null> {
    const txn = this.#session.txn;
    const known = txn?.known(document.name, key);
    if (known !== undefined) return this.#shown(document, known, asRegistry);
    this.#session.countIo();
    return whenReady(this.#store(document).get(document.name, key), (record) => {
      const value = record === null ? null : new StoredValue(record.key, record.value, record.version);
      txn?.noteRecord(document.name, key, value);
      return this.#shown(document, value, asRegistry);
    });
  }

  getMany(
    document: DocumentPlan,
    keys: readonly string[],
    asRegistry = false,
  ): MaybePromise<readonly (StoredValue | null)[]> {
    const txn = this.#session.txn;
    const missing = txn === null ? keys : keys.filter((key) => txn.known(document.name, key) === undefined);
    this.#session.countIo();
    return whenReady(this.#store(document).getMany(document.name, missing), (records) => {
      const found = new Map<string, StoredValue | null>();
      records.forEach((record, index) => {
        const key = missing[index]!;
        const value = record === null ? null : new StoredValue(record.key, record.value, record.version);
        found.set(key, value);
        txn?.noteRecord(document.name, key, value);
      });
      const values = keys.map((key) => {
        const known = txn?.known(document.name, key);
        return known !== undefined ? known : (found.get(key) ?? null);
      });
      return all(values.map((value) => this.#shown(document, value, asRegistry)));
    });
  }

  list(
    document: DocumentPlan,
    prefix: string,
    after: string | null,
    limit: number,
    asRegistry = false,
  ): MaybePromise<RecordPage> {
    const visible = this.#visible(document, asRegistry);
    return this.#collect(
      visible,
      limit,
      after,
      (from: string | null, count) =>
        this.#listPage(document, { collection: document.name, prefix, after: from, limit: count }),
      (record) => record.key,
      (last) => last,
    );
  }

  query(index: IndexPlan, query: RecordQuery, asRegistry = false): MaybePromise<RecordPage> {
    const visible = this.#visible(index.document, asRegistry);
    const purpose = () => cursorPurpose(index, query);
    const after = query.cursor === null ? null : asPosition(this.#session.openCursor(purpose(), query.cursor));
    // A transaction proves later that a page had no more than it showed; hidden records make a page of several.
    const wantsMore = query.wantsNext !== false || visible !== null || this.#session.txn !== null;
    const { where, order } = query;
    const collection = index.document.name;
    if (visible === null) {
      const asked = { collection, index: index.name, where, order, limit: query.limit, after, wantsMore };
      return whenReady(
        this.#queryPage(index, asked),
        (page) =>
          new WholePage(page, (last) => this.#session.sealCursor(purpose(), { v: last.position, k: last.key } as Json)),
      );
    }
    const base = { collection, index: index.name, where, order, wantsMore };
    return this.#collect(
      visible,
      query.limit,
      after,
      (from: Position | null, count) => this.#queryPage(index, { ...base, limit: count, after: from }),
      (record) => ({ values: record.position, key: record.key }),
      (last) => this.#session.sealCursor(purpose(), { v: last.values, k: last.key } as Json),
    );
  }

  count(index: IndexPlan, where: readonly Filter[], asRegistry = false): MaybePromise<number> {
    const document = index.document;
    if (this.#visible(document, asRegistry) !== null) return this.#countVisible(index, where);
    const txn = this.#session.txn;
    const query = { collection: document.name, index: index.name, where };
    const pending = txn === null ? NO_WRITES : pendingOf(txn, document.name);
    if (txn !== null && pending.length > 0)
      return countOverlay((page) => this.#storePage(index, page, txn), query, pending);
    this.#session.countIo();
    return whenReady(this.#store(document).count(query), (count) => {
      txn?.noteCount(query, count);
      return count;
    });
  }

  async search(index: IndexPlan, query: TextQuery, asRegistry = false): Promise<FoundPage> {
    if (this.#session.txn !== null)
      throw new RegistryError('INTERNAL', { message: 'A search was run inside a transaction' });
    return searchIndex(this.#session, index, query, this.#visible(index.document, asRegistry));
  }

  put(
    document: DocumentPlan,
    key: string,
    value: unknown,
    options?: { readonly ttlSeconds?: number | null },
  ): MaybePromise<void> {
    const txn = this.#writing();
    const rules = this.#session.engine.rules(document.name);
    const plain = toPlain(value);
    rules.validate(plain);
    const text = value instanceof StoredValue ? value.text : writeJson(plain);
    const bytes = Buffer.byteLength(text);
    const limit = this.#session.engine.limits.maxKvValueBytes;
    if (bytes > limit) {
      throw new RegistryError('DOCUMENT_TOO_LARGE', { details: { document: document.name, bytes, limit } });
    }
    const ttlSeconds = options?.ttlSeconds ?? rules.ttlSeconds;
    const expiresAt = ttlSeconds > 0 ? this.#session.now() + ttlSeconds * 1000 : null;
    return whenReady(rules.project(plain), (rows) => {
      txn.write({
        collection: document.name,
        key,
        put: { collection: document.name, key, value: text, expiresAt, rows },
        value: new StoredValue(key, text, 0),
        digests: rules.digests(plain),
      });
    });
  }

  delete(document: DocumentPlan, key: string): void {
    this.#writing().write({ collection: document.name, key, put: null, value: null, digests: [] });
  }

  emit(type: string, payload: unknown): void {
    const at = new Date(this.#session.now()).toISOString();
    this.#writing().emit({ id: randomUUID(), type, at, payload: writeJson(payload) });
  }

  #store(document: DocumentPlan): RecordStore {
    return this.#session.txn?.store ?? this.#session.engine.store(document.store);
  }

  #writing(): Transaction {
    const txn = this.#session.txn;
    if (txn === null) throw new RegistryError('INTERNAL', { message: 'A write was run outside a transaction' });
    return txn;
  }

  #visible(document: DocumentPlan, asRegistry: boolean): DocumentRules['visible'] {
    return asRegistry ? null : this.#session.engine.rules(document.name).visible;
  }

  #shown(document: DocumentPlan, value: StoredValue | null, asRegistry: boolean): MaybePromise<StoredValue | null> {
    const visible = value === null ? null : this.#visible(document, asRegistry);
    if (visible === null) return value;
    return whenReady(visible(value, this.#session.principal), (shown) => (shown ? value : null));
  }

  #listPage(document: DocumentPlan, query: ListQuery): MaybePromise<Page> {
    const txn = this.#session.txn;
    const pending = txn === null ? NO_WRITES : pendingOf(txn, document.name);
    const wider = pending.length === 0 ? query : { ...query, limit: query.limit + pending.length };
    this.#session.countIo();
    return whenReady(this.#store(document).list(wider), (page) => {
      txn?.noteList(wider, page);
      return pending.length === 0 ? page : overlayList(page, query, pending);
    });
  }

  #queryPage(index: IndexPlan, query: IndexQuery): MaybePromise<Page> {
    const txn = this.#session.txn;
    const pending = txn === null ? NO_WRITES : pendingOf(txn, index.document.name);
    if (pending.length === 0) return this.#storePage(index, query, txn);
    const wider = { ...query, limit: query.limit + pending.length };
    return whenReady(this.#storePage(index, wider, txn), (page) => overlayQuery(page, query, pending));
  }

  #storePage(index: IndexPlan, query: IndexQuery, txn: Transaction | null): MaybePromise<Page> {
    this.#session.countIo();
    return whenReady(this.#store(index.document).query(query), (page) => {
      txn?.noteQuery(query, page);
      return page;
    });
  }

  async #countVisible(index: IndexPlan, where: readonly Filter[]): Promise<number> {
    let count = 0;
    for (let cursor: string | null = null; ; ) {
      const page: RecordPage = await this.query(index, { where, order: [], limit: COUNT_PAGE, cursor });
      count += page.records.length;
      cursor = page.next;
      if (cursor === null) return count;
    }
  }

  /** One page, or as many as it takes to fill one with visible records. */
  #collect<P>(
    visible: DocumentRules['visible'],
    limit: number,
    after: P | null,
    fetch: (after: P | null, limit: number) => MaybePromise<Page>,
    positionOf: (record: IndexedRecord) => P,
    seal: (last: P) => string,
  ): MaybePromise<RecordPage> {
    if (visible === null) {
      return whenReady(fetch(after, limit), (page) => new WholePage(page, (last) => seal(positionOf(last))));
    }
    return this.#collectVisible(visible, limit, after, fetch, positionOf, seal);
  }

  async #collectVisible<P>(
    visible: NonNullable<DocumentRules['visible']>,
    limit: number,
    after: P | null,
    fetch: (after: P | null, limit: number) => MaybePromise<Page>,
    positionOf: (record: IndexedRecord) => P,
    seal: (last: P) => string,
  ): Promise<RecordPage> {
    const records: StoredValue[] = [];
    let shown: IndexedRecord | null = null;
    for (let from = after; ; ) {
      const page = await fetch(from, Math.max(limit + 1, VISIBLE_PAGE));
      const start = performance.now();
      for (const record of page.records) {
        const value = new StoredValue(record.key, record.value, record.version);
        if (!(await visible(value, this.#session.principal))) continue;
        // One more than asked for tells whether there is more that this principal may see.
        if (records.length === limit && shown !== null) return { records, next: seal(positionOf(shown)) };
        records.push(value);
        shown = record;
      }
      this.#session.spend(performance.now() - start);
      this.#session.checkCpu();
      const last = page.records.at(-1);
      if (!page.more || last === undefined) return { records, next: null };
      from = positionOf(last);
    }
  }
}

/** A page as the store gave it. Its cursor is sealed when somebody asks: that costs more than the query, and most want one page only. */
class WholePage implements RecordPage {
  readonly records: readonly StoredValue[];
  readonly #last: IndexedRecord | undefined;
  readonly #seal: (last: IndexedRecord) => string;

  constructor({ records, more }: Page, seal: (last: IndexedRecord) => string) {
    this.records = records.map((record) => new StoredValue(record.key, record.value, record.version));
    this.#last = more ? records.at(-1) : undefined;
    this.#seal = seal;
  }

  get next(): string | null {
    return this.#last === undefined ? null : this.#seal(this.#last);
  }
}

const NO_WRITES: readonly PendingWrite[] = [];
const COUNT_PAGE = 500;
/** How many records are looked at at a time where some may be invisible. */
const VISIBLE_PAGE = 100;

function pendingOf(txn: Transaction, collection: string): readonly PendingWrite[] {
  if (txn.writes.size === 0) return NO_WRITES;
  return [...txn.writes.values()].filter((write) => write.collection === collection);
}

/** Ties a cursor to its list: this index as it is made now, in this order. */
function cursorPurpose(index: IndexPlan, query: RecordQuery): string {
  const order = query.order.map(({ column, descending }) => (descending ? '-' : '+') + column);
  return `${index.name} ${index.spec.revision} ${order.join()}`;
}

function asPosition(position: Json): Position {
  const { v, k } = position as { v: readonly Scalar[]; k: string };
  return { values: v, key: k };
}

function all<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[]);
}

import { RegistryError } from '../../errors/registry-error.ts';
import type {
  Check,
  CollectionSpec,
  Commit,
  CommitResult,
  CountQuery,
  IndexQuery,
  ListQuery,
  Page,
  ProjectRecord,
  RecordStore,
} from '../../ports/record-store.ts';
import { pageFingerprint } from '../../ports/record-store.ts';
import { similarWords } from '../../ports/search-terms.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { compareBytes } from '../../shared/compare.ts';
import { type EncodedRows, MemoryCollection } from './memory-collection.ts';
import { isAlive, type MemoryRecord } from './memory-record.ts';
import { searchMemory } from './memory-search.ts';
import { createMemoryTransfer, eventsAfter, type MemoryState } from './memory-transfer.ts';
import { createNotifier } from './notifier.ts';

/** How long `outcome` remembers a commit. */
const OUTCOME_MS = 3_600_000;

/** A store in this process's memory, for tests and demonstrations: the answers of the others, gone when it is closed. */
export function openMemoryRecordStore(options: { readonly clock?: Clock } = {}): RecordStore {
  const clock = options.clock ?? systemClock;
  const outcomes = new Map<string, { readonly version: number; readonly at: number }>();
  const state: MemoryState = {
    collections: new Map(),
    events: [],
    sequence: 0,
    mark: null,
    forgetCommits: () => outcomes.clear(),
  };
  const { collections, events } = state;
  const notifier = createNotifier();

  const collectionOf = (name: string): MemoryCollection => {
    const collection = collections.get(name);
    if (collection === undefined)
      throw new RegistryError('INTERNAL', { message: `There is no collection "${name}" in the store` });
    return collection;
  };

  function list({ collection, prefix, after, limit }: ListQuery): Page {
    const { sorted } = collectionOf(collection);
    const isShown = aliveNow();
    const found: MemoryRecord[] = [];
    const isBehind = after !== null && compareBytes(after, prefix) >= 0;
    const reading = isBehind ? sorted.after({ key: after, values: [] }) : sorted.from({ key: prefix, values: [] });
    for (; found.length <= limit; reading.advance()) {
      const { record } = reading;
      if (record === undefined || !record.key.startsWith(prefix)) break;
      if (isShown(record)) found.push(record);
    }
    return {
      records: found.slice(0, limit).map((record) => ({ ...visible(record), position: [] })),
      more: found.length > limit,
    };
  }

  function query(asked: IndexQuery): Page {
    const found = collectionOf(asked.collection).index(asked.index).page(asked, aliveNow());
    const more = found.length > asked.limit;
    if (more) found.pop();
    const records = found.map(({ record: { key, value, version }, position }) => ({ key, value, version, position }));
    return { records, more };
  }

  function count({ collection: name, index, where }: CountQuery): number {
    const collection = collectionOf(name);
    return collection.index(index).count(where, collection.expiring.size === 0 ? null : aliveNow());
  }

  /** Whether a record has not expired: the same moment for all that one answer shows. */
  function aliveNow(): (record: MemoryRecord) => boolean {
    const now = clock.now();
    return (record) => isAlive(record, now);
  }

  function holds(check: Check): boolean {
    switch (check.kind) {
      case 'record': {
        const record = collectionOf(check.collection).get(check.key);
        return (record !== undefined && isAlive(record, clock.now()) ? record.version : null) === check.version;
      }
      case 'list':
        return pageFingerprint(list(check.query)) === check.fingerprint;
      case 'query':
        return pageFingerprint(query(check.query)) === check.fingerprint;
      case 'count':
        return count(check.query) === check.count;
    }
  }

  /** Looks for another record that would agree with one of the puts in a unique key once all writes are done. */
  function uniqueConflict(asked: Commit, rows: readonly EncodedRows[]): CommitResult | null {
    const now = clock.now();
    const replaced = new Set([...asked.puts, ...asked.deletes].map(({ collection, key }) => `${collection}\0${key}`));
    const claimed = new Map<string, string>();
    for (const [place, { collection, key, expiresAt }] of asked.puts.entries()) {
      if (expiresAt !== null && expiresAt <= now) continue;
      const conflict = collectionOf(collection).conflict(key, rows[place] ?? [], claimed, (record) => {
        return isAlive(record, now) && !replaced.has(`${collection}\0${record.key}`);
      });
      if (conflict !== null) return { ok: false, reason: 'unique', ...conflict };
    }
    return null;
  }

  function commit(asked: Commit): CommitResult {
    const earlier = outcomes.get(asked.id);
    if (earlier !== undefined) return { ok: true, version: earlier.version };
    for (const check of asked.checks) if (!holds(check)) return { ok: false, reason: 'check', check };
    if (asked.puts.length + asked.deletes.length + asked.events.length === 0)
      return { ok: true, version: state.sequence };
    const rows = asked.puts.map(({ collection, rows }) => collectionOf(collection).encode(rows));
    for (const { collection } of asked.deletes) collectionOf(collection);
    const conflict = uniqueConflict(asked, rows);
    if (conflict !== null) return conflict;

    // Nothing below can fail: all or nothing.
    const version = ++state.sequence;
    for (const { collection, key } of asked.deletes) collectionOf(collection).delete(key);
    for (const [place, { collection, key, value, expiresAt }] of asked.puts.entries()) {
      collectionOf(collection).put({ key, value, version, expiresAt }, rows[place] ?? []);
    }
    for (const event of asked.events) {
      events.push({ ...event, position: (events.at(-1)?.position ?? 0) + 1, version });
    }
    remember(asked.id, version);
    notifier.notify();
    return { ok: true, version };
  }

  function remember(id: string, version: number): void {
    const now = clock.now();
    for (const [old, { at }] of outcomes) {
      if (at > now - OUTCOME_MS) break;
      outcomes.delete(old);
    }
    outcomes.set(id, { version, at: now });
  }

  return {
    capabilities: Object.freeze({ durable: false, shared: false, fullText: true, maxValueBytes: null }),

    async migrate(specs: readonly CollectionSpec[], project: ProjectRecord): Promise<void> {
      for (const spec of specs) {
        let collection = collections.get(spec.name);
        if (collection === undefined) {
          collection = new MemoryCollection(spec.name);
          collections.set(spec.name, collection);
        }
        await collection.migrate(spec.indexes, project, () => clock.now());
      }
    },
    get(collection, key) {
      const record = collectionOf(collection).get(key);
      return record !== undefined && isAlive(record, clock.now()) ? visible(record) : null;
    },
    getMany(collection, keys) {
      const stored = collectionOf(collection);
      const now = clock.now();
      return keys.map((key) => {
        const record = stored.get(key);
        return record !== undefined && isAlive(record, now) ? visible(record) : null;
      });
    },
    list,
    query,
    count,
    search(asked) {
      return searchMemory(collectionOf(asked.collection), asked, aliveNow());
    },
    similarWords({ collection, index, text }) {
      const texts = collectionOf(collection).index(index).text;
      return similarWords(text, (word) => texts?.sharing(word) ?? []);
    },
    commit,
    outcome: (id) => outcomes.get(id)?.version ?? null,
    events: (after, limit) => eventsAfter(events, after, limit),
    sequence: () => state.sequence,
    watch: (onChange) => notifier.add(onChange),
    sweepExpired(limit) {
      const now = clock.now();
      let gone = 0;
      for (const collection of collections.values()) {
        for (const record of collection.expiring) {
          if (gone === limit) return gone;
          if (isAlive(record, now)) continue;
          collection.delete(record.key);
          gone++;
        }
      }
      return gone;
    },
    ...createMemoryTransfer(state),
    health: () => ({ ok: true, latencyMs: 0 }),
    close() {
      notifier.close();
      collections.clear();
    },
  };
}

function visible({ key, value, version }: MemoryRecord): {
  readonly key: string;
  readonly value: string;
  readonly version: number;
} {
  return { key, value, version };
}

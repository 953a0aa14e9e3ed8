import type { RecordStore } from '../../ports/record-store.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { type CallStats, createCallMeter } from './call-meter.ts';
import { checkKey, checkLimit, createRecordChecks } from './record-checks.ts';
import { guardRecordTransfer, refuseHalfFilled } from './record-transfer.ts';

export interface GuardedRecordStore extends RecordStore {
  /** Calls, failures and times by method. */
  stats(): Readonly<Record<string, CallStats>>;
}

/**
 * The guard that stands before every record store. Refuses what no store may be asked: VALUE_INVALID for keys, limits and scalars
 * out of bounds and for rows that are too large (they may come from a client), INTERNAL for collections, indexes and columns that `migrate` was not told of, and for
 * two writes of one key. Does not migrate a store whose load is not finished (STORE_FAILURE with a sentence). Turns unknown errors into STORE_FAILURE, measures, and refuses with CLOSING after `close`.
 * Synchronous answers stay synchronous.
 */
export function guardRecordStore(store: RecordStore): GuardedRecordStore {
  const { search, similarWords } = store;
  const meter = createCallMeter('STORE_FAILURE');
  const checks = createRecordChecks(store.capabilities.maxValueBytes);
  return {
    capabilities: store.capabilities,
    migrate: (collections, project, onProgress) =>
      meter.run('migrate', () => {
        checks.collections(collections);
        return whenReady(store.loadMark(), (mark) => {
          refuseHalfFilled(mark);
          return whenReady(store.migrate(collections, checks.projecting(collections, project), onProgress), () =>
            checks.learn(collections),
          );
        });
      }),
    get: (collection, key) =>
      meter.run('get', () => {
        checks.collection(collection);
        checkKey(key);
        return store.get(collection, key);
      }),
    getMany: (collection, keys) =>
      meter.run('getMany', () => {
        checks.collection(collection);
        for (const key of keys) checkKey(key);
        return keys.length === 0 ? [] : store.getMany(collection, keys);
      }),
    list: (query) =>
      meter.run('list', () => {
        checks.list(query);
        return store.list(query);
      }),
    query: (query) =>
      meter.run('query', () => {
        checks.query(query);
        return store.query(query);
      }),
    count: (query) =>
      meter.run('count', () => {
        checks.count(query);
        return store.count(query);
      }),
    ...(search === undefined || similarWords === undefined
      ? {}
      : {
          search: (query) =>
            meter.run('search', () => {
              checks.search(query);
              return search(query);
            }),
          similarWords: (query) =>
            meter.run('similarWords', () => {
              checks.similar(query);
              return similarWords(query);
            }),
        }),
    commit: (commit) =>
      meter.run('commit', () => {
        checks.commit(commit);
        return store.commit(commit);
      }),
    outcome: (commitId) => meter.run('outcome', () => store.outcome(commitId)),
    events: (after, limit) =>
      meter.run('events', () => {
        checkLimit(limit);
        return store.events(after, limit);
      }),
    sequence: () => meter.run('sequence', () => store.sequence()),
    watch: (onChange) => store.watch(onChange),
    sweepExpired: (limit) =>
      meter.run('sweepExpired', () => {
        checkLimit(limit);
        return store.sweepExpired(limit);
      }),
    ...guardRecordTransfer(store, meter),
    ...(store.explain === undefined ? {} : { explain: (work) => store.explain?.(work) ?? [] }),
    ...(store.tables === undefined ? {} : { tables: store.tables }),
    health: () => meter.run('health', () => store.health()),
    close: () => meter.close(() => store.close()),
    stats: () => meter.stats(),
  };
}

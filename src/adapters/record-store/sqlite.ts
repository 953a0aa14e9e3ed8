import { sql } from 'kysely';
import type { RecordStore, StoredEvent } from '../../ports/record-store.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { createNotifier } from './notifier.ts';
import { createCommitter, hasWrites } from './sqlite-commit.ts';
import { openDatabase } from './sqlite-database.ts';
import { createLayouts } from './sqlite-layouts.ts';
import { migrateCollection } from './sqlite-migrate.ts';
import { createSqliteReader } from './sqlite-reader.ts';
import { param, prepare } from './sqlite-statement.ts';
import { createTransactor } from './sqlite-transaction.ts';
import { createSqliteTransfer } from './sqlite-transfer.ts';

export interface SqliteOptions {
  /** Path of the database; its folder is made where it is missing. `:memory:` is gone when the store closes. */
  readonly file: string;
  readonly clock?: Clock;
  /** How long a commit waits for another process's; default 5000. */
  readonly busyTimeoutMs?: number;
  /** How often other processes' commits are looked for while someone watches; default 100. */
  readonly watchIntervalMs?: number;
}

/**
 * Records in an SQLite file. Answers at once: reads and commits run on the caller's thread, so that a commit holds the event loop for its
 * fsync. Several processes may open one file. Fails to open with STORE_FAILURE and a sentence (see `openDatabase`).
 */
export function openSqliteRecordStore(options: SqliteOptions): RecordStore {
  const { file, clock = systemClock, busyTimeoutMs = 5000, watchIntervalMs = 100 } = options;
  const database = openDatabase(file, busyTimeoutMs);
  const now = (): number => clock.now();
  const transactor = createTransactor(database);
  const layouts = createLayouts(database);
  const reader = createSqliteReader(database, transactor, layouts.collections, now);
  const committer = createCommitter(database, transactor, layouts, reader, now);
  const newest = prepare(database, sql`SELECT sequence FROM state`);
  const log = prepare(
    database,
    sql`SELECT position, version, id, type, at, payload FROM events
      WHERE position > ${param('after')} ORDER BY position LIMIT ${param('limit')}`,
  );
  const { closeDumps, ...transfer } = createSqliteTransfer(database, file, transactor);
  const notifier = createNotifier();
  let timer: NodeJS.Timeout | null = null;

  const sequence = (): number => Number(newest.row({})?.[0]);

  /** `data_version` changes when another connection committed; looking at it touches no table. */
  function poll(seen: { version: unknown; sequence: number }): void {
    const version = database.pragma('data_version', { simple: true });
    if (version === seen.version) return;
    seen.version = version;
    const current = sequence();
    if (current !== seen.sequence) notifier.notify();
    seen.sequence = current;
  }

  function watch(onChange: () => void): () => void {
    const remove = notifier.add(onChange);
    if (timer === null && file !== ':memory:') {
      const seen = { version: database.pragma('data_version', { simple: true }), sequence: sequence() };
      timer = setInterval(() => poll(seen), watchIntervalMs);
      timer.unref();
    }
    return () => {
      remove();
      if (notifier.size === 0) stopPolling();
    };
  }

  function stopPolling(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    capabilities: Object.freeze({
      durable: file !== ':memory:',
      shared: file !== ':memory:',
      fullText: false,
      maxValueBytes: null,
    }),
    async migrate(collections, project) {
      for (const spec of collections) await migrateCollection(database, transactor, spec, project, now);
      layouts.reload(collections);
    },
    get: reader.get,
    getMany: reader.getMany,
    list: reader.list,
    query: reader.query,
    count: reader.count,
    commit(commit) {
      const result = committer.commit(commit);
      if (result.ok && hasWrites(commit)) notifier.notify();
      return result;
    },
    outcome: committer.outcome,
    events: (after, limit) =>
      log.rows({ after, limit }).map(
        ([position, version, id, type, at, payload]): StoredEvent => ({
          position: Number(position),
          version: Number(version),
          id: String(id),
          type: String(type),
          at: String(at),
          payload: String(payload),
        }),
      ),
    sequence,
    watch,
    sweepExpired: committer.sweepExpired,
    ...transfer,
    explain(work) {
      switch (work.kind) {
        case 'put':
        case 'delete':
        case 'event':
          return committer.explain(work);
        default:
          return reader.explain(work);
      }
    },
    health() {
      const startedAt = performance.now();
      sequence();
      const latencyMs = performance.now() - startedAt;
      return transactor.broken === null
        ? { ok: true, latencyMs }
        : { ok: false, latencyMs, reason: transactor.broken.message };
    },
    close() {
      stopPolling();
      notifier.close();
      closeDumps();
      database.close();
    },
  };
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type {
  CollectionSpec,
  IndexProgress,
  ProjectRecord,
  RecordStore,
  StoredEvent,
} from '../../ports/record-store.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { createNotifier } from './notifier.ts';
import { hasWrites } from './sql-commit.ts';
import { param } from './sql-statement.ts';
import { createCommitter } from './sqlite-commit.ts';
import { openDatabase } from './sqlite-database.ts';
import { createLayouts } from './sqlite-layouts.ts';
import { isMigrated } from './sqlite-migrate.ts';
import { createSqliteReader } from './sqlite-reader.ts';
import { openDirectSearch, openSearch } from './sqlite-search-client.ts';
import { prepare } from './sqlite-statement.ts';
import { createSqliteTables, doneMigrations, SQLITE_MIGRATIONS } from './sqlite-tables.ts';
import { createTransactor } from './sqlite-transaction.ts';
import { createSqliteTransfer } from './sqlite-transfer.ts';
import type { Projected } from './sqlite-writer.ts';
import { openDirectWriter, openWriterThread } from './sqlite-writer-client.ts';

export interface SqliteOptions {
  /** Path of the database; its folder is made where it is missing. `:memory:` is gone when the store closes. */
  readonly file: string;
  readonly clock?: Clock | undefined;
  /** How long a commit waits for another process's; default 5000. */
  readonly busyTimeoutMs?: number;
  /**
   * Writes and searches run on the caller's thread, too, where they hold it: for short work that nobody waits beside, which would be over
   * before a thread has started. Default: false.
   */
  readonly inline?: boolean | undefined;
  /** How often other processes' commits are looked for while someone watches; default 100. */
  readonly watchIntervalMs?: number;
  /** Indexes with at most so many records are searched on the caller's thread; default 5000. */
  readonly searchedHere?: number;
}

/** A search that finds all of so many takes a few milliseconds. */
const SEARCHED_HERE = 5000;

/**
 * Records in an SQLite file. Reads answer at once, on the caller's thread; what writes runs on a thread of its own, where commits that
 * arrive together share one fsync, and searches of much on another. In memory, and `inline`, all of it answers at once. Several processes
 * may open one file. Fails to open with STORE_FAILURE and a sentence (see `openDatabase`).
 */
export function openSqliteRecordStore(options: SqliteOptions): RecordStore {
  const { file, clock = systemClock, busyTimeoutMs = 5000, watchIntervalMs = 100 } = options;
  const isFile = file !== ':memory:';
  const hasThreads = isFile && options.inline !== true;
  const database = openDatabase(file, busyTimeoutMs);
  const transactor = createTransactor(database);
  const notifier = createNotifier();
  const tables = createSqliteTables(database, busyTimeoutMs);
  const { closeDumps, ...transfer } = createSqliteTransfer(database, file, transactor, tables);
  const now = (): number => clock.now();
  let timer: NodeJS.Timeout | null = null;
  let opened: ReturnType<typeof prepareAll> | null = null;

  /** Prepares the statements, once the tables are there. */
  function prepareAll() {
    const layouts = createLayouts(database, transactor);
    const reader = createSqliteReader(database, transactor, layouts.collections, now);
    return {
      layouts,
      reader,
      committer: createCommitter(database, layouts, reader, () => transactor.undone),
      writer: hasThreads ? openWriterThread({ file, busyTimeoutMs }) : openDirectWriter(database),
      searching: hasThreads
        ? openSearch(database, { file, busyTimeoutMs }, options.searchedHere ?? SEARCHED_HERE)
        : openDirectSearch(database),
      newest: prepare(database, sql`SELECT sequence FROM state`),
      log: prepare(
        database,
        sql`SELECT position, version, id, type, at, payload FROM events
          WHERE position > ${param('after')} ORDER BY position LIMIT ${param('limit')}`,
      ),
    };
  }

  function parts(): ReturnType<typeof prepareAll> {
    if (opened === null) throw new RegistryError('INTERNAL', { message: 'A store is migrated before it is used' });
    return opened;
  }

  const sequence = (): number => Number(parts().newest.row({})?.[0]);

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
    if (timer === null && isFile) {
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

  async function migrateCollection(
    spec: CollectionSpec,
    project: ProjectRecord,
    onProgress: (progress: IndexProgress) => void,
  ): Promise<void> {
    const { writer, reader } = parts();
    const total = reader.size(spec.name);
    for (let after = '', done = 0; ; ) {
      const batch = await writer.migrateNext(spec, after, now());
      if (batch === 'done') return;
      const projected: Projected[number][] = [];
      for (const record of batch) projected.push([record, await project(spec.name, record.key, record.value)]);
      await writer.migrateWrite(spec, projected);
      after = batch.at(-1)?.key ?? '';
      done += batch.length;
      onProgress({ collection: spec.name, done, total });
    }
  }

  return {
    capabilities: Object.freeze({ durable: isFile, shared: isFile, fullText: true, maxValueBytes: null }),
    async migrate(collections, project, onProgress = () => {}) {
      if (doneMigrations(database).length < SQLITE_MIGRATIONS.length) await tables.up();
      opened ??= prepareAll();
      for (const spec of collections)
        if (!isMigrated(database, spec)) await migrateCollection(spec, project, onProgress);
      opened.layouts.reload(collections);
      // Not waited for: it comes before all later commits, which fail for the same reason when it does.
      Promise.resolve(opened.writer.reload(collections)).catch(() => {});
    },
    get: (collection, key) => parts().reader.get(collection, key),
    getMany: (collection, keys) => parts().reader.getMany(collection, keys),
    list: (query) => parts().reader.list(query),
    query: (query) => parts().reader.query(query),
    count: (query) => parts().reader.count(query),
    search: (query) => parts().searching.search(parts().reader.layoutOf(query), query, now()),
    similarWords: (query) => parts().searching.similarWords(parts().reader.layoutOf(query), query),
    commit(commit) {
      const { writer, committer } = parts();
      // What only checks needs no lock.
      if (!hasWrites(commit)) return transactor.read(() => committer.apply(commit, now()).result);
      const answer = writer.commit(commit, now());
      if (!(answer instanceof Promise)) {
        if (answer.ok) notifier.notify();
        return answer;
      }
      return answer.then((result) => {
        if (result.ok) notifier.notify();
        return result;
      });
    },
    outcome(id) {
      const { writer, committer } = parts();
      if (writer.broken !== null) throw writer.broken;
      return committer.outcome(id);
    },
    events: (after, limit) =>
      parts()
        .log.rows({ after, limit })
        .map(
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
    tables,
    sweepExpired: (limit) => parts().writer.sweepExpired(limit, now()),
    ...transfer,
    explain(work) {
      const { committer, reader } = parts();
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
      const broken = opened?.writer.broken ?? null;
      return broken === null ? { ok: true, latencyMs } : { ok: false, latencyMs, reason: broken.message };
    },
    close() {
      stopPolling();
      notifier.close();
      closeDumps();
      const closing = [opened?.writer.close(), opened?.searching.close()];
      if (closing.some((waiting) => waiting instanceof Promise))
        return Promise.all(closing).then(() => void database.close());
      database.close();
    },
  };
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { RecordStore, RecordStoreCapabilities, StoredEvent, StoreTables } from '../../ports/record-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { createNotifier } from './notifier.ts';
import { createPgCommitter } from './postgres-commit.ts';
import type { PgDriver } from './postgres-driver.ts';
import { createPgLayouts } from './postgres-layouts.ts';
import { createLockNames } from './postgres-locks.ts';
import { migratePgCollection } from './postgres-migrate.ts';
import { createPgReader } from './postgres-reader.ts';
import { statement } from './postgres-statement.ts';
import { createPgTables, hasPgTables } from './postgres-tables.ts';
import { createPgTransfer, FLOOR, toEvent } from './postgres-transfer.ts';
import { hasWrites } from './sql-commit.ts';
import { param } from './sql-statement.ts';

export interface PgCoreOptions {
  readonly schema: string;
  readonly clock: Clock;
  readonly watchIntervalMs: number;
  readonly capabilities: RecordStoreCapabilities;
  /** Transactions of commits that may have a connection at the same time; other commits wait, so that reads find one. */
  readonly maxCommits: number;
  connect(): Promise<PgDriver>;
}

/** How long readers of the log wait for transactions that began before the newest event to end. */
const LOG_PATIENCE_MS = 1000;
/** How long `outcome` remembers a commit. */
const OUTCOME_MS = 3_600_000;

/** What a snapshot says: how many transactions have ended, which grows with each, and the oldest that still runs. */
const SEQUENCE = statement(
  sql`SELECT pg_snapshot_xmax(s)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s)) FROM pg_current_snapshot() AS s`,
);
const EVENTS = statement(
  sql`SELECT e.position, e.version, e.id, e.type, e.at, e.payload FROM events AS e
    WHERE e.position > ${param('after')}
      AND e.version < (SELECT base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM state)
    ORDER BY e.position LIMIT ${param('limit')}`,
);
const HORIZON = statement(
  sql`SELECT base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint, (SELECT max(version) FROM commits) FROM state`,
);
const NEWEST = statement(
  sql`SELECT base, pg_current_xact_id()::text::bigint,
    greatest((SELECT max(version) FROM commits), (SELECT max(version) FROM events), (SELECT value::bigint FROM meta WHERE name = ${sql.lit(FLOOR)}))
    FROM state`,
);
const SET_BASE = statement(sql`UPDATE state SET base = ${param('base')}::bigint`);
const FORGET = statement(
  sql`DELETE FROM commits WHERE at <= ${param('before')} AND version < (SELECT max(version) FROM commits)`,
);

/**
 * Records in a PostgreSQL database, of a server or inside this process. Versions are ids of transactions: no counter is shared by all
 * commits. Locks make of any two commits that have to do with each other an earlier and a later one, with the lower and the higher id,
 * so that the order of versions is one in which the commits could have come one after the other; those of one transaction have nothing to do
 * with each other, and any order explains them. Readers of the log stop below the
 * oldest transaction that still runs: whatever comes later has a higher position.
 */
export function createPgRecordStore(options: PgCoreOptions): RecordStore {
  const { schema, clock, watchIntervalMs, capabilities, connect } = options;
  const notifier = createNotifier();
  const layouts = createPgLayouts();
  const reader = createPgReader(layouts);
  const locks = createLockNames(schema);
  const now = (): number => clock.now();
  let driver: PgDriver | null = null;
  let committer: ReturnType<typeof createPgCommitter> | null = null;
  let connecting: Promise<PgDriver> | null = null;
  let timer: NodeJS.Timeout | null = null;

  async function connected(): Promise<PgDriver> {
    connecting ??= connect();
    try {
      driver = await connecting;
    } catch (thrown) {
      connecting = null;
      throw thrown;
    }
    return driver;
  }

  function open(): PgDriver {
    if (driver === null) throw new RegistryError('INTERNAL', { message: 'A store is migrated before it is used' });
    return driver;
  }

  const run: PgDriver['run'] = (asked, values) => open().run(asked, values);

  async function sequence(): Promise<number> {
    const [row] = await run(SEQUENCE, {});
    return Number(row?.[0]);
  }

  const tables: StoreTables = createPgTables(schema, connected, locks.migration);
  const { closeDumps, ...transfer } = createPgTransfer(connected, tables, locks);

  /**
   * A store that was moved to another server finds lower transaction ids there: versions go on above all there were. Where they were
   * loaded from elsewhere, the load has seen to it, and left a note for a move after it.
   */
  async function raiseBase(): Promise<void> {
    const [row] = await run(NEWEST, {});
    const [base, current, newest] = (row ?? []).map(Number);
    if (base === undefined || current === undefined || newest === undefined) return;
    if (newest >= base + current) await run(SET_BASE, { base: newest - current + 1 });
  }

  async function events(after: number, count: number): Promise<readonly StoredEvent[]> {
    const giveUpAt = performance.now() + LOG_PATIENCE_MS;
    const [first] = await run(HORIZON, {});
    let horizon = Number(first?.[0]);
    const newest = Number(first?.[1] ?? 0);
    // What was committed before the question is part of the answer, unless somebody else's transaction takes too long.
    for (let pauseMs = 1; horizon <= newest && performance.now() < giveUpAt; pauseMs = Math.min(pauseMs * 2, 50)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      horizon = Number((await run(HORIZON, {}))[0]?.[0]);
    }
    return (await run(EVENTS, { after, limit: count })).map(toEvent);
  }

  async function poll(seen: { sequence: number }): Promise<void> {
    try {
      const current = await sequence();
      if (current !== seen.sequence) notifier.notify();
      seen.sequence = current;
    } catch {
      // The database is away: the next look finds what has changed.
    }
  }

  function stopPolling(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  function committing(): ReturnType<typeof createPgCommitter> {
    committer ??= createPgCommitter({ driver: open(), layouts, reader, locks, lanes: options.maxCommits, now });
    return committer;
  }

  return {
    capabilities,
    async migrate(collections, project, onProgress = () => {}) {
      const reached = await connected();
      if (!(await hasPgTables(reached))) await tables.up();
      await reached.exclusively(locks.migration, async () => {
        await raiseBase();
        for (const spec of collections)
          await migratePgCollection(reached, spec, project, locks.store, now(), onProgress);
      });
      await layouts.reload(run, collections);
    },
    get: (collection, key) => reader.get(run, collection, key, now()),
    getMany: (collection, keys) => reader.getMany(run, collection, keys, now()),
    list: (query) => reader.list(run, query, now()),
    query: (query) => reader.query(run, query, now()),
    count: (query) => reader.count(run, query, now()),
    search: (query) => reader.searcher.search(run, query, now()),
    similarWords: (query) => reader.searcher.similarWords(run, query),
    async commit(commit) {
      if (hasWrites(commit)) {
        const result = await committing().commit(commit);
        if (result.ok) notifier.notify();
        return result;
      }
      const lost = await validate(commit.checks);
      return lost === null ? { ok: true, version: 0 } : { ok: false, reason: 'check', check: lost };
    },
    outcome: (id) => committing().outcome(id),
    events,
    sequence,
    watch(onChange) {
      const remove = notifier.add(onChange);
      if (timer === null) {
        const seen = { sequence: -1 };
        timer = setInterval(() => void poll(seen), watchIntervalMs);
        timer.unref();
      }
      return () => {
        remove();
        if (notifier.size === 0) stopPolling();
      };
    },
    explain(work) {
      switch (work.kind) {
        case 'put':
        case 'delete':
        case 'event':
          return committing().explain(work);
        default:
          return reader.explain(work);
      }
    },
    async sweepExpired(most) {
      await run(FORGET, { before: now() - OUTCOME_MS });
      return committing().sweepExpired(most);
    },
    async health() {
      const startedAt = performance.now();
      try {
        await sequence();
        return { ok: true, latencyMs: performance.now() - startedAt };
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : 'failed';
        return { ok: false, latencyMs: performance.now() - startedAt, reason };
      }
    },
    tables,
    ...transfer,
    async close() {
      stopPolling();
      notifier.close();
      await closeDumps();
      const closing = driver;
      driver = null;
      connecting = null;
      await closing?.close();
    },
  };

  /** The first of the checks that does not hold, all of them as of one moment. */
  async function validate(checks: Parameters<typeof reader.lost>[1]) {
    // One statement is one moment.
    if (checks.length < 2 || checks.every(({ kind }) => kind === 'record')) return reader.lost(run, checks, now());
    return open().session(async (connection) => {
      const begun = connection.exec('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const [, lost] = await Promise.all([
        begun,
        reader.lost((asked, values) => connection.run(asked, values), checks, now()),
      ]);
      await connection.exec('ROLLBACK');
      return lost;
    });
  }
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Commit, CommitResult, WriteWork } from '../../ports/record-store.ts';
import { type Answers, createPgBatches, type Member } from './postgres-batch.ts';
import { createCommitQueue, type Queued } from './postgres-commit-queue.ts';
import type { PgDriver } from './postgres-driver.ts';
import { ConnectFailure, isTransient } from './postgres-errors.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import type { LockNames } from './postgres-locks.ts';
import { type PgReader, recordId } from './postgres-reader.ts';
import { statement } from './postgres-statement.ts';
import { createPgWrites, MAX_EVENTS } from './postgres-writes.ts';
import { NEVER } from './sql-layout.ts';
import { param } from './sql-statement.ts';

const TRIES = 5;
/** After this time no further attempt begins. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 10;
/** Transactions of several commits at the same time: the database works at one while this process is at the next. */
const SHARED = 2;

const RECALL = statement(sql`SELECT version FROM commits WHERE id = ${param('id')}`);
const GIVE_UP = statement(
  sql`INSERT INTO commits (id, version, at) VALUES (${param('id')}, 0, ${param('at')}) ON CONFLICT (id) DO NOTHING`,
);
const EXPIRED = statement(
  // The second condition is that of the partial index, to the letter; the order is the index's, too, so that nobody walks along the keys.
  sql`SELECT collection, key FROM records
    WHERE expires_at <= ${param('now')} AND expires_at < ${sql.lit(NEVER)} ORDER BY expires_at LIMIT ${param('limit')}`,
);

export interface PgCommitter {
  /** A commit that writes. */
  commit(commit: Commit): Promise<CommitResult>;
  /** Settles what became of a commit: one that is not there yet is given up, and cannot be applied from then on. */
  outcome(commitId: string): Promise<number | null>;
  sweepExpired(limit: number): Promise<number>;
  /** Statements of one write in a commit. */
  explain(work: WriteWork): readonly string[];
}

export interface PgCommitterOptions {
  readonly driver: PgDriver;
  readonly layouts: PgLayouts;
  readonly reader: PgReader;
  readonly locks: LockNames;
  /** Transactions that may have a connection at the same time; other commits wait here, so that reads find one. */
  readonly lanes: number;
  now(): number;
}

/** A commit and whoever waits for it. */
interface Ticket {
  readonly commit: Commit;
  tries: number;
  /** From its first attempt on; null before. */
  giveUpAt: number | null;
  isTold: boolean;
  resolve(result: CommitResult): void;
  reject(error: unknown): void;
}

/** A ticket in the line, with what is known of it at the moment. */
interface Entry extends Member, Queued {
  readonly ticket: Ticket;
}

/** Commits on PostgreSQL: those of this process that wait together share transactions, as far as they have nothing to do with each other. */
export function createPgCommitter(options: PgCommitterOptions): PgCommitter {
  const { driver, layouts, reader, locks, lanes, now } = options;
  const writes = createPgWrites(layouts);
  const batches = createPgBatches(driver, layouts, reader, locks, writes);
  const queue = createCommitQueue<Entry>({ lanes, shared: Math.min(SHARED, lanes), start });

  function entryOf(ticket: Ticket, goesAlone: boolean): Entry {
    const { commit } = ticket;
    const lengths = [...commit.puts.map(({ value }) => value), ...commit.events.map(({ payload }) => payload)];
    const names = locks.ofCommit(commit, layouts.collection, commit.puts.flatMap(writes.rowsOf));
    return {
      ticket,
      commit,
      goesAlone,
      generation: layouts.generation,
      locks: names,
      mostLocks: names.size * (isNew(commit) ? 1 : 2),
      bytes: lengths.reduce((sum, { length }) => sum + length, 0),
      events: commit.events.length,
    };
  }

  async function start(entries: readonly Entry[], behind: readonly Entry[]): Promise<void> {
    for (const { ticket } of entries) ticket.giveUpAt ??= performance.now() + PATIENCE_MS;
    const waiting = new Set<Entry>();
    const answers: Answers<Entry> = {
      tell(entry, answer) {
        // Somebody else may have begun with one that was behind.
        if (!entries.includes(entry) && !queue.withdraw(entry)) return;
        settle(entry.ticket, answer);
      },
      giveWay: (entry) => void waiting.add(entry),
    };
    let failure: unknown = null;
    try {
      await batches.apply(
        { members: entries, behind, isPatient: entries.every(({ goesAlone }) => goesAlone) },
        now(),
        answers,
      );
    } catch (thrown) {
      failure = thrown;
    }
    const left = entries.filter(({ ticket }) => !ticket.isTold);
    // Who gave way has no part in a COMMIT that nobody answered.
    const isOver = failure === null || (failure instanceof RegistryError && failure.code === 'COMMIT_UNKNOWN');
    const back = isOver ? left.filter((entry) => waiting.has(entry)) : [];
    queue.giveBack(back);
    for (const entry of left) {
      if (back.includes(entry)) continue;
      if (failure !== null) afterFailure(entry, failure, entries.length > 1);
      else again(entry.ticket, undefined, entry.goesAlone);
    }
  }

  function afterFailure({ ticket, goesAlone }: Entry, thrown: unknown, isShared: boolean): void {
    const code = thrown instanceof RegistryError ? thrown.code : null;
    if (code === 'COMMIT_UNKNOWN') settle(ticket, new RegistryError(code, { cause: thrown }));
    // It may have been another's fault, or may take longer than others can wait: now each shows what it does alone.
    else if (!goesAlone && code !== 'STORE_UNREACHABLE' && (isShared || isTransient(thrown))) {
      ticket.giveUpAt = null;
      again(ticket, thrown, true);
    } else if (mayTryAgain(thrown)) again(ticket, thrown, goesAlone);
    else settle(ticket, thrown);
  }

  function again(ticket: Ticket, thrown: unknown, goesAlone: boolean): void {
    ticket.tries += 1;
    if (ticket.tries >= TRIES || performance.now() > (ticket.giveUpAt ?? Number.POSITIVE_INFINITY)) {
      settle(ticket, thrown === undefined || isTransient(thrown) ? busy(thrown) : thrown);
      return;
    }
    setTimeout(() => enter(ticket, goesAlone), Math.random() * PAUSE_MS * 2 ** ticket.tries);
  }

  function enter(ticket: Ticket, goesAlone: boolean): void {
    try {
      queue.add(entryOf(ticket, goesAlone));
    } catch (thrown) {
      settle(ticket, thrown);
    }
  }

  return {
    async commit(commit) {
      if (commit.events.length > MAX_EVENTS)
        throw new RegistryError('VALUE_INVALID', { message: `A commit may have ${MAX_EVENTS} events at most` });
      return new Promise((resolve, reject) => {
        enter({ commit, tries: 0, giveUpAt: null, isTold: false, resolve, reject }, false);
      });
    },
    async outcome(id) {
      // Waits for a transaction that is at this commit to end.
      await driver.run(GIVE_UP, { id, at: now() });
      const [row] = await driver.run(RECALL, { id });
      return Number(row?.[0] ?? 0) || null;
    },
    async sweepExpired(limit) {
      return driver.session(async (connection) => {
        const [, , rows] = await Promise.all([
          connection.exec('BEGIN'),
          connection.exec(`SELECT pg_advisory_xact_lock(${locks.store})`),
          connection.run(EXPIRED, { now: now(), limit }),
        ]);
        const deletes = rows.map(([collection, key]) => ({ collection: String(collection), key: String(key) }));
        await Promise.all(writes.write(connection, { puts: [], deletes, events: [] }, 0, () => true));
        await connection.commit();
        return deletes.length;
      });
    },
    explain: writes.explain,
  };
}

/** Nothing that it writes is there before, or it is refused: what it replaces brings it no locks. */
function isNew({ checks, puts, deletes }: Commit): boolean {
  const absent = new Set(
    checks.flatMap((check) => (check.kind === 'record' && check.version === null ? [recordId(check)] : [])),
  );
  return deletes.length === 0 && puts.every((put) => absent.has(recordId(put)));
}

function settle(ticket: Ticket, answer: unknown): void {
  if (ticket.isTold) return;
  ticket.isTold = true;
  if (isResult(answer)) ticket.resolve(answer);
  else ticket.reject(answer);
}

function isResult(answer: unknown): answer is CommitResult {
  return typeof answer === 'object' && answer !== null && 'ok' in answer;
}

/** Nothing was committed: the connection had been cut before COMMIT was sent, or another transaction was in the way. */
function mayTryAgain(thrown: unknown): boolean {
  if (!(thrown instanceof RegistryError)) return false;
  return isTransient(thrown) || (thrown.code === 'STORE_UNREACHABLE' && !(thrown.cause instanceof ConnectFailure));
}

function busy(cause: unknown): RegistryError {
  return new RegistryError('CONFLICT', { cause, headers: { 'Retry-After': '1' } });
}

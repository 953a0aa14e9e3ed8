import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Check, Commit, CommitResult, NewEvent, RecordPut, WriteWork } from '../../ports/record-store.ts';
import type { PgConnection, PgDriver } from './postgres-driver.ts';
import { ConnectFailure, isTransient } from './postgres-errors.ts';
import { encodeRow, type RowPut } from './postgres-index-writer.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import type { LockNames, TouchedRow } from './postgres-locks.ts';
import { type PgReader, type RecordName, recordId } from './postgres-reader.ts';
import { statement } from './postgres-statement.ts';
import { NEVER } from './sql-layout.ts';
import { param } from './sql-statement.ts';

/** Places of events in one commit: a position is the commit's version times this, plus the place. */
export const MAX_EVENTS = 10_000;
const TRIES = 5;
/** After this time no further attempt begins. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 10;
/** A time at which no record had expired: what is there is there. */
const EVER = -1;

const REMEMBER = statement(
  sql`INSERT INTO commits (id, version, at) SELECT ${param('id')}::text, base + pg_current_xact_id()::text::bigint, ${param('at')}::bigint
    FROM state ON CONFLICT (id) DO NOTHING RETURNING version`,
);
const RECALL = statement(sql`SELECT version FROM commits WHERE id = ${param('id')}`);
const GIVE_UP = statement(
  sql`INSERT INTO commits (id, version, at) VALUES (${param('id')}, 0, ${param('at')}) ON CONFLICT (id) DO NOTHING`,
);
const GENERATION = statement(sql`SELECT generation FROM state`);
const PUT_RECORDS = statement(
  sql`INSERT INTO records (collection, key, value, version, expires_at)
    SELECT ${param('collection')}::text, key, value, ${param('version')}::bigint, expires_at
    FROM unnest(${param('keys')}::text[], ${param('values')}::text[], ${param('expiresAt')}::bigint[]) AS t (key, value, expires_at)
    ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
);
const DELETE_RECORDS = statement(
  sql`DELETE FROM records WHERE collection = ${param('collection')} AND key = ANY(${param('keys')}::text[])`,
);
const APPEND_EVENTS = statement(
  sql`INSERT INTO events (position, version, id, type, at, payload)
    SELECT ${param('version')}::bigint * ${sql.lit(MAX_EVENTS)} + place - 1, ${param('version')}::bigint, id, type, at, payload
    FROM unnest(${param('ids')}::text[], ${param('types')}::text[], ${param('ats')}::text[], ${param('payloads')}::text[])
      WITH ORDINALITY AS t (id, type, at, payload, place)`,
);
const EXPIRED = statement(
  // The second condition is that of the partial index, to the letter; the order is the index's, too, so that nobody walks along the keys.
  sql`SELECT collection, key FROM records
    WHERE expires_at <= ${param('now')} AND expires_at < ${sql.lit(NEVER)} ORDER BY expires_at LIMIT ${param('limit')}`,
);

export interface PgCommitter {
  /** A commit that writes. */
  commit(commit: Commit, time: number): Promise<CommitResult>;
  /** Settles what became of a commit: one that is not there yet is given up, and cannot be applied from then on. */
  outcome(commitId: string, time: number): Promise<number | null>;
  sweepExpired(limit: number, time: number): Promise<number>;
  /** Statements of one write in a commit. */
  explain(work: WriteWork): readonly string[];
}

/**
 * Commits on PostgreSQL. A commit is one transaction in four flights, or five: which of the records to be written there are, and what
 * those hold in indexes; the locks, and under them what the checks say; the writes; COMMIT. Its version is its transaction's id, taken after all locks were had: of two commits that
 * have to do with each other the later one has the higher version.
 */
export function createPgCommitter(
  driver: PgDriver,
  layouts: PgLayouts,
  reader: PgReader,
  locks: LockNames,
): PgCommitter {
  const rowsOf = ({ collection, key, rows, expiresAt }: RecordPut) =>
    [...layouts.collection(collection).indexes].flatMap(([name, index]) => {
      const row = rows[name];
      return row === undefined
        ? []
        : [{ index, name, key, row: encodeRow(index.spec, row), source: row, expiresAt: expiresAt ?? NEVER }];
    });

  /** What the records that are to be written hold in indexes by which others may look for them. */
  async function rowsBefore(connection: PgConnection, written: readonly RecordName[]): Promise<readonly TouchedRow[]> {
    const found = byCollection(written).flatMap(([collection, records]) =>
      [...layouts.collection(collection).indexes].map(async ([name, index]) => {
        if (index.spec.keys.length === 0) return [];
        const rows = await layouts.writersOf(collection).get(name)?.read(connection, keysOf(records));
        return (rows ?? []).map((row) => ({ index, row }));
      }),
    );
    return (await Promise.all(found)).flat();
  }

  /** What a new record has nowhere needs no removing: `exists` says whether the store has a record, expired or not. */
  function write(
    connection: PgConnection,
    commit: Commit,
    version: number,
    exists: (record: RecordName) => boolean,
  ): readonly Promise<unknown>[] {
    const sent: Promise<unknown>[] = [];
    for (const [collection, records] of byCollection(commit.deletes.filter(exists))) {
      const keys = keysOf(records);
      sent.push(connection.run(DELETE_RECORDS, { collection, keys }));
      for (const writer of layouts.writersOf(collection).values()) sent.push(...writer.delete(connection, keys));
    }
    for (const [collection, puts] of byCollection(commit.puts)) {
      sent.push(
        connection.run(PUT_RECORDS, {
          collection,
          version,
          keys: keysOf(puts),
          values: puts.map(({ value }) => value),
          expiresAt: puts.map(({ expiresAt }) => expiresAt ?? NEVER),
        }),
      );
      const rows = puts.flatMap((put) => rowsOf(put).map((row) => ({ ...row, isNew: !exists(put) })));
      const replaced = puts.filter(exists);
      for (const [name, writer] of layouts.writersOf(collection)) {
        const present: RowPut[] = rows.filter((row) => row.name === name);
        const absent = replaced.filter(({ rows }) => rows[name] === undefined);
        sent.push(...writer.delete(connection, keysOf(absent)), ...writer.put(connection, present));
      }
    }
    if (commit.events.length > 0) sent.push(connection.run(APPEND_EVENTS, eventValues(commit.events, version)));
    return sent;
  }

  /** Sent after all writes, so that what the commit itself replaces or deletes holds nothing. */
  function uniqueConflicts(
    connection: PgConnection,
    puts: readonly RecordPut[],
    time: number,
  ): readonly Promise<CommitResult | null>[] {
    return byCollection(puts.filter(({ expiresAt }) => expiresAt === null || expiresAt > time)).flatMap(
      ([collection, alive]) => {
        const rows = alive.flatMap(rowsOf);
        return [...layouts.writersOf(collection)].flatMap(([index, writer]) =>
          writer
            .conflicts(
              connection,
              rows.filter(({ name }) => name === index),
              time,
            )
            .map(async (answer): Promise<CommitResult | null> => {
              const conflict = await answer;
              return conflict === null ? null : { ok: false, reason: 'unique', index, ...conflict };
            }),
        );
      },
    );
  }

  /** One attempt up to COMMIT. `stale`: the indexes have changed, or a record before it was locked: again. */
  async function apply(connection: PgConnection, commit: Commit, time: number): Promise<CommitResult | 'stale'> {
    const run: PgConnection['run'] = (asked, values) => connection.run(asked, values);
    const written = [...commit.puts, ...commit.deletes];
    const read = commit.checks.filter((check) => check.kind === 'record');
    const [, seen] = await Promise.all([connection.exec('BEGIN'), reader.versions(run, [...written, ...read], EVER)]);
    // Where many fight for a record most lose: they need not take its lock to hear of it.
    const gone = firstGone(commit.checks, seen);
    if (gone !== null) return { ok: false, reason: 'check', check: gone };
    const replaced = written.filter((record) => seen.has(recordId(record)));
    const before = replaced.length === 0 ? [] : await rowsBefore(connection, replaced);
    const after = commit.puts.flatMap(rowsOf);
    const [, remembered, [state], stored, lost] = await Promise.all([
      connection.exec(locks.take(commit, layouts.collection, [...before, ...after])),
      connection.run(REMEMBER, { id: commit.id, at: time }),
      connection.run(GENERATION, {}),
      reader.versions(run, written, EVER),
      reader.lost(run, commit.checks, time),
    ]);
    if (remembered[0] === undefined) return settled(await connection.run(RECALL, { id: commit.id }));
    if (!layouts.isCurrent(Number(state?.[0]))) return 'stale';
    if (lost !== null) return { ok: false, reason: 'check', check: lost };
    // A record that changed between the two looks may have been locked by what it was before.
    if (written.some((record) => seen.get(recordId(record)) !== stored.get(recordId(record)))) return 'stale';
    const version = Number(remembered[0][0]);
    const sent = write(connection, commit, version, (record) => stored.has(recordId(record)));
    const conflicts = uniqueConflicts(connection, commit.puts, time);
    // All of them: a connection that breaks fails each, and a failure that nobody waits for ends the process.
    const [found] = await Promise.all([Promise.all(conflicts), ...sent]);
    return found.find((conflict) => conflict !== null) ?? { ok: true, version };
  }

  async function attempt(commit: Commit, time: number): Promise<CommitResult | 'stale'> {
    return driver.session(async (connection) => {
      const result = await apply(connection, commit, time);
      if (result === 'stale' || !result.ok) {
        await connection.exec('ROLLBACK');
        if (result === 'stale') await layouts.reload((asked, values) => connection.run(asked, values), []);
        return result;
      }
      await connection.commit();
      return result;
    });
  }

  return {
    async commit(commit, time) {
      if (commit.events.length > MAX_EVENTS)
        throw new RegistryError('VALUE_INVALID', { message: `A commit may have ${MAX_EVENTS} events at most` });
      const giveUpAt = performance.now() + PATIENCE_MS;
      for (let tries = 1; ; tries++) {
        const isLast = tries === TRIES || performance.now() > giveUpAt;
        try {
          const result = await attempt(commit, time);
          if (result !== 'stale') return result;
        } catch (thrown) {
          if (isLast || !mayTryAgain(thrown)) throw isTransient(thrown) ? busy(thrown) : thrown;
        }
        if (isLast) throw busy(undefined);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS * 2 ** tries));
      }
    },
    async outcome(id, time) {
      // Waits for a transaction that is at this commit to end.
      await driver.run(GIVE_UP, { id, at: time });
      const [row] = await driver.run(RECALL, { id });
      return Number(row?.[0] ?? 0) || null;
    },
    async sweepExpired(limit, time) {
      return driver.session(async (connection) => {
        const [, , rows] = await Promise.all([
          connection.exec('BEGIN'),
          connection.exec(`SELECT pg_advisory_xact_lock(${locks.store})`),
          connection.run(EXPIRED, { now: time, limit }),
        ]);
        const expired = rows.map(([collection, key]) => ({ collection: String(collection), key: String(key) }));
        const deletes: Commit = { id: '', checks: [], puts: [], deletes: expired, events: [] };
        await Promise.all(write(connection, deletes, 0, () => true));
        await connection.commit();
        return expired.length;
      });
    },
    explain(work) {
      if (work.kind === 'event') return [APPEND_EVENTS.text];
      const writers = [...layouts.writersOf(work.collection).values()];
      const record = work.kind === 'put' ? PUT_RECORDS : DELETE_RECORDS;
      return [record.text, ...writers.flatMap((writer) => writer.statements[work.kind])];
    },
  };
}

/** Nothing was committed: the connection had been cut before COMMIT was sent, or another transaction was in the way. */
function mayTryAgain(thrown: unknown): boolean {
  if (!(thrown instanceof RegistryError)) return false;
  return isTransient(thrown) || (thrown.code === 'STORE_UNREACHABLE' && !(thrown.cause instanceof ConnectFailure));
}

function busy(cause: unknown): RegistryError {
  return new RegistryError('CONFLICT', { cause, headers: { 'Retry-After': '1' } });
}

/** The first of the checks that fails, as far as the versions tell: of what expires in time, and of lists, only the statements do. */
function firstGone(checks: readonly Check[], seen: ReadonlyMap<string, number>): Check | null {
  for (const check of checks) {
    if (check.kind !== 'record') return null;
    const version = seen.get(recordId(check)) ?? null;
    if (version === check.version) continue;
    return check.version === null ? null : check;
  }
  return null;
}

/** The commit was made before; a version of 0 says that somebody was told it never would be. */
function settled(rows: readonly (readonly unknown[])[]): CommitResult {
  const version = Number(rows[0]?.[0] ?? 0);
  if (version > 0) return { ok: true, version };
  throw new RegistryError('STORE_FAILURE', { message: 'This commit was given up before' });
}

function eventValues(events: readonly NewEvent[], version: number) {
  return {
    version,
    ids: events.map(({ id }) => id),
    types: events.map(({ type }) => type),
    ats: events.map(({ at }) => at),
    payloads: events.map(({ payload }) => payload),
  };
}

function byCollection<T extends { readonly collection: string }>(
  all: readonly T[],
): readonly (readonly [string, T[]])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.collection);
    if (group === undefined) groups.set(one.collection, [one]);
    else group.push(one);
  }
  return [...groups];
}

function keysOf(records: readonly { readonly key: string }[]): readonly string[] {
  return records.map(({ key }) => key);
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Check, Commit, CommitResult } from '../../ports/record-store.ts';
import { createClaims } from './postgres-commit-queue.ts';
import type { PgConnection, PgDriver } from './postgres-driver.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import type { LockNames, LockSet, TouchedRow } from './postgres-locks.ts';
import { type PgReader, type RecordName, recordId } from './postgres-reader.ts';
import { statement } from './postgres-statement.ts';
import type { PgWrites } from './postgres-writes.ts';
import { param } from './sql-statement.ts';

/** A time at which no record had expired: what is there is there. */
const EVER = -1;
/** Several that wait for another server's lock part company after this time, so that only those wait on who have to. */
const TOGETHER_MS = 1000;

const REMEMBER = statement(
  sql`INSERT INTO commits (id, version, at) SELECT c.id, base + pg_current_xact_id()::text::bigint, ${param('at')}::bigint
    FROM state, unnest(${param('ids')}::text[]) AS c (id) ON CONFLICT (id) DO NOTHING RETURNING id, version`,
);
const FORGET = statement(sql`DELETE FROM commits WHERE id = ANY(${param('ids')}::text[])`);
const RECALL = statement(sql`SELECT id, version FROM commits WHERE id = ANY(${param('ids')}::text[])`);
const GENERATION = statement(sql`SELECT generation FROM state`);

/** A commit in a transaction. */
export interface Member {
  readonly commit: Commit;
  /** By itself; what the records have that it replaces comes to them. */
  readonly locks: LockSet;
  /** Of the indexes that the locks were named by. */
  readonly generation: number;
}

/** Answers of a transaction; who is in none of them has none. */
export interface Answers<M> {
  /** Called with each answer as soon as it is certain. */
  tell(member: M, answer: CommitResult | RegistryError): void;
  /** Has to do with one before it, which shows only in what it replaces: it belongs in the next transaction. */
  giveWay(member: M): void;
}

export interface PgBatches {
  /**
   * One transaction of commits that have nothing to do with each other. Those of `behind` wait for something else; the ones that have lost
   * are told, too. Whoever has had no answer in the end has met other commits, or changed indexes, and may go again.
   */
  apply<M extends Member>(
    members: readonly M[],
    behind: readonly M[],
    time: number,
    answers: Answers<M>,
  ): Promise<void>;
}

/**
 * Transactions in four flights, or five: which of the records to be written there are, and what those hold in indexes; the locks, and
 * under them what the checks say; the writes; COMMIT. All commits of one have its id as their version, taken after all locks were had: of
 * two commits that have to do with each other the later one has the higher version.
 */
export function createPgBatches(
  driver: PgDriver,
  layouts: PgLayouts,
  reader: PgReader,
  locks: LockNames,
  writes: PgWrites,
): PgBatches {
  /** The locks of each member, with those of the rows that it replaces; who has to do with one before it gives way. */
  function lockedApart<M extends Member>(
    members: readonly M[],
    before: readonly (TouchedRow & { readonly record: RecordName })[],
    giveWay: (member: M) => void,
  ): LockSet {
    const all = new Map<string, boolean>();
    const claims = createClaims();
    const rows = Map.groupBy(before, ({ record }) => recordId(record));
    for (const member of members) {
      const own = new Map(member.locks);
      locks.addRows(
        own,
        writtenBy(member).flatMap((record) => rows.get(recordId(record)) ?? []),
      );
      if (before.length > 0 && claims.meet(own)) {
        giveWay(member);
        continue;
      }
      if (before.length > 0) claims.add(own);
      for (const [name, isForOne] of own) all.set(name, isForOne || all.get(name) === true);
    }
    return all;
  }

  /** Tells those whose commits are in the database already; gives those whose are not. */
  async function recalled<M extends Member>(
    connection: PgConnection,
    members: readonly M[],
    tell: Answers<M>['tell'],
  ): Promise<readonly M[]> {
    if (members.length === 0) return [];
    const rows = await connection.run(RECALL, { ids: members.map(({ commit }) => commit.id) });
    const versions = new Map(rows.map(([id, version]) => [String(id), Number(version)]));
    return members.filter((member) => {
      const version = versions.get(member.commit.id);
      if (version !== undefined) tell(member, settled(version));
      return version === undefined;
    });
  }

  /** Up to COMMIT. Gives those to be told of it; where there are none, or some have to go without others, nothing is to be kept. */
  async function transact<M extends Member>(
    connection: PgConnection,
    members: readonly M[],
    behind: readonly M[],
    time: number,
    { tell, giveWay }: Answers<M>,
  ): Promise<{
    readonly written: readonly M[];
    readonly version: number;
    readonly again: readonly M[];
    readonly isCurrent: boolean;
  }> {
    const run: PgConnection['run'] = (asked, values) => connection.run(asked, values);
    const nothing = { written: [], version: 0, again: [], isCurrent: true };
    const { generation } = layouts;
    let left = members;
    const without = (gone: ReadonlySet<M>): readonly M[] => left.filter((member) => !gone.has(member));

    const [, seen] = await Promise.all([
      connection.exec(members.length > 1 ? `BEGIN; SET LOCAL lock_timeout = ${TOGETHER_MS}` : 'BEGIN'),
      reader.versions(run, distinct([...members.flatMap(writtenBy), ...[...members, ...behind].flatMap(readBy)]), EVER),
    ]);
    // Where many fight for a record most lose: they need not take its lock, nor wait for their turn, to hear of it.
    const lost = new Map<M, Check>();
    for (const member of [...members, ...behind]) {
      const check = firstGone(member.commit.checks, seen);
      if (check !== null) lost.set(member, check);
    }
    for (const member of await recalled(connection, [...lost.keys()], tell)) tell(member, refused(lost.get(member)));
    left = left.filter((member) => !lost.has(member));
    if (left.length === 0) return nothing;

    const replaced = left.flatMap(writtenBy).filter((record) => seen.has(recordId(record)));
    const before = replaced.length === 0 ? [] : await writes.rowsBefore(connection, replaced);
    const waiting = new Set<M>();
    const taken = lockedApart(left, before, (member) => {
      waiting.add(member);
      giveWay(member);
    });
    left = without(waiting);

    const written = left.flatMap(writtenBy);
    const [, remembered, [state], stored, holding] = await Promise.all([
      locks.take(connection, taken),
      connection.run(REMEMBER, { ids: left.map(({ commit }) => commit.id), at: time }),
      connection.run(GENERATION, {}),
      reader.versions(run, written, EVER),
      reader.holding(
        run,
        left.flatMap(({ commit }) => commit.checks),
        time,
      ),
    ]);
    const versions = new Map(remembered.map(([id, version]) => [String(id), Number(version)]));
    await recalled(
      connection,
      left.filter(({ commit }) => !versions.has(commit.id)),
      tell,
    );
    const isCurrent = Number(state?.[0]) === generation;
    const dropped = new Set<M>();
    let place = 0;
    for (const member of left) {
      const { checks, id } = member.commit;
      const failed = checks.find((_, at) => holding[place + at] === false);
      place += checks.length;
      const isKnown = versions.has(id);
      if (isKnown && isCurrent && failed !== undefined) tell(member, refused(failed));
      const isStale = !isCurrent || member.generation !== generation || writtenBy(member).some(hasChanged);
      if (!isKnown || failed !== undefined || isStale) dropped.add(member);
    }
    function hasChanged(record: RecordName): boolean {
      // Between the two looks: it may have been locked by what it was before.
      return seen.get(recordId(record)) !== stored.get(recordId(record));
    }
    const forgotten = [...dropped].map(({ commit }) => commit.id).filter((id) => versions.has(id));
    left = without(dropped);
    const [version] = versions.values();
    if (left.length === 0 || version === undefined) return { ...nothing, isCurrent };

    const commits = left.map(({ commit }) => commit);
    const puts = commits.flatMap((commit) => commit.puts);
    const deletes = commits.flatMap((commit) => commit.deletes);
    const events = commits.flatMap((commit) => commit.events);
    const sent = writes.write(connection, { puts, deletes, events }, version, (one) => stored.has(recordId(one)));
    const conflicts = writes.conflicts(connection, puts, time);
    // All of them: a connection that breaks fails each, and a failure that nobody waits for ends the process.
    const [found] = await Promise.all([
      Promise.all(conflicts),
      forgotten.length === 0 ? [] : connection.run(FORGET, { ids: forgotten }),
      ...sent,
    ]);
    const results = new Map(
      found
        .flat()
        .toReversed()
        .map(({ record, result }) => [recordId(record), result]),
    );
    if (results.size === 0) return { written: left, version, again: [], isCurrent };
    const refusedNow = new Set<M>();
    for (const member of left) {
      const result = writtenBy(member)
        .map((record) => results.get(recordId(record)))
        .find((one) => one !== undefined);
      if (result === undefined) continue;
      refusedNow.add(member);
      tell(member, result);
    }
    return { written: [], version, again: without(refusedNow), isCurrent };
  }

  return {
    async apply(members, behind, time, answers) {
      const told = await driver.session(async (connection) => {
        let done = await transact(connection, members, behind, time, answers);
        while (done.again.length > 0) {
          await connection.exec('ROLLBACK');
          done = await transact(connection, done.again, [], time, answers);
        }
        if (done.written.length > 0) await connection.commit();
        else await connection.exec('ROLLBACK');
        if (!done.isCurrent) await layouts.reload((asked, values) => connection.run(asked, values), []);
        return done;
      });
      for (const member of told.written) answers.tell(member, { ok: true, version: told.version });
    },
  };
}

function writtenBy({ commit }: Member): readonly RecordName[] {
  return [...commit.puts, ...commit.deletes];
}

function readBy({ commit }: Member): readonly RecordName[] {
  return commit.checks.filter((check) => check.kind === 'record');
}

function distinct(records: readonly RecordName[]): readonly RecordName[] {
  return [...new Map(records.map((record) => [recordId(record), record])).values()];
}

function refused(check: Check | undefined): CommitResult | RegistryError {
  return check === undefined ? new RegistryError('INTERNAL') : { ok: false, reason: 'check', check };
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
function settled(version: number): CommitResult | RegistryError {
  if (version > 0) return { ok: true, version };
  return new RegistryError('STORE_FAILURE', { message: 'This commit was given up before' });
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Check, Commit, CommitResult } from '../../ports/record-store.ts';
import { createClaims } from './postgres-commit-queue.ts';
import type { PgConnection, PgDriver } from './postgres-driver.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import { type LockNames, type LockSet, MAX_LOCKS } from './postgres-locks.ts';
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

/** Who goes together. */
export interface Company<M> {
  readonly members: readonly M[];
  /** They wait for something else; the ones that have lost are told, too. */
  readonly behind: readonly M[];
  /** Whether nobody is held up by waiting for another server's lock as long as that takes. */
  readonly isPatient: boolean;
}

export interface PgBatches {
  /**
   * One transaction of commits that have nothing to do with each other. Whoever has had no answer in the end has met other commits, or changed
   * indexes, and may go again.
   */
  apply<M extends Member>(company: Company<M>, time: number, answers: Answers<M>): Promise<void>;
}

type Versions = ReadonlyMap<string, number>;

interface Moment {
  readonly time: number;
  /** Of the indexes that this process knows. */
  readonly generation: number;
}

interface Judged<M> {
  readonly left: readonly M[];
  /** Of the transaction. */
  readonly version: number;
  /** What there is of the records to be written. */
  readonly stored: Versions;
  readonly forgotten: readonly string[];
  readonly isCurrent: boolean;
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
  const runner =
    (connection: PgConnection): PgConnection['run'] =>
    (asked, values) =>
      connection.run(asked, values);

  /** Tells those whose commits are in the database already; gives those whose are not. */
  async function recall<M extends Member>(
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

  /** Begins, and looks at what there is. Where many fight for a record most lose: they need not take its lock, nor wait for their turn, to hear of it. */
  async function look<M extends Member>(
    connection: PgConnection,
    { members, behind, isPatient }: Company<M>,
    tell: Answers<M>['tell'],
  ): Promise<{ readonly left: readonly M[]; readonly seen: Versions }> {
    const all = [...members, ...behind];
    const [, seen] = await Promise.all([
      connection.exec(isPatient ? 'BEGIN' : `BEGIN; SET LOCAL lock_timeout = ${TOGETHER_MS}`),
      reader.versions(runner(connection), distinct([...members.flatMap(writtenBy), ...all.flatMap(readBy)]), EVER),
    ]);
    const lost = new Map<M, Check>();
    for (const member of all) {
      const check = firstGone(member.commit.checks, seen);
      if (check !== null) lost.set(member, check);
    }
    for (const member of await recall(connection, [...lost.keys()], tell)) tell(member, refused(lost.get(member)));
    return { left: members.filter((member) => !lost.has(member)), seen };
  }

  /** All locks, with those of the rows that are replaced; who has to do with one before it gives way, and who would make them too many. */
  async function locksOf<M extends Member>(
    connection: PgConnection,
    members: readonly M[],
    seen: Versions,
    giveWay: (member: M) => void,
  ): Promise<{ readonly left: readonly M[]; readonly taken: LockSet }> {
    const replaced = members.flatMap(writtenBy).filter((record) => seen.has(recordId(record)));
    const before = replaced.length === 0 ? [] : await writes.rowsBefore(connection, replaced);
    const rows = Map.groupBy(before, ({ record }) => recordId(record));
    const taken = new Map<string, boolean>();
    const claims = createClaims();
    const left = members.filter((member) => {
      const own = new Map(member.locks);
      for (const record of writtenBy(member)) locks.addRows(own, rows.get(recordId(record)) ?? []);
      if (taken.size > 0 && (claims.meet(own) || taken.size + own.size > MAX_LOCKS)) {
        giveWay(member);
        return false;
      }
      claims.add(own);
      for (const [name, isForOne] of own) taken.set(name, isForOne || taken.get(name) === true);
      return true;
    });
    return { left, taken };
  }

  /** Takes the locks, and judges under them; `forgotten`: commits that were remembered and are not made. */
  async function judge<M extends Member>(
    connection: PgConnection,
    { left: members, taken }: { readonly left: readonly M[]; readonly taken: LockSet },
    seen: Versions,
    { time, generation }: Moment,
    tell: Answers<M>['tell'],
  ): Promise<Judged<M>> {
    const run = runner(connection);
    const checks = members.flatMap(({ commit }) => commit.checks);
    const [, remembered, [state], stored, holding] = await Promise.all([
      locks.take(connection, taken),
      connection.run(REMEMBER, { ids: members.map(({ commit }) => commit.id), at: time }),
      connection.run(GENERATION, {}),
      reader.versions(run, members.flatMap(writtenBy), EVER),
      reader.holding(run, checks, time),
    ]);
    const versions = new Map(remembered.map(([id, version]) => [String(id), Number(version)]));
    const isKnown = ({ commit }: M): boolean => versions.has(commit.id);
    await recall(
      connection,
      members.filter((member) => !isKnown(member)),
      tell,
    );
    const isCurrent = Number(state?.[0]) === generation;
    // A record that changed between the two looks may have been locked by what it was before.
    const hasChanged = (record: RecordName): boolean => seen.get(recordId(record)) !== stored.get(recordId(record));
    const failed = new Set(checks.filter((_, place) => holding[place] === false));
    const made = new Set<string>();
    const left = members.filter((member) => {
      // Who comes second under an id goes again, and finds what the first did.
      if (!isKnown(member) || !isCurrent || made.has(member.commit.id)) return false;
      made.add(member.commit.id);
      const check = member.commit.checks.find((one) => failed.has(one));
      if (check !== undefined) tell(member, refused(check));
      return check === undefined && member.generation === generation && !writtenBy(member).some(hasChanged);
    });
    const kept = new Set(left.map(({ commit }) => commit.id));
    const forgotten = [...versions.keys()].filter((id) => !kept.has(id));
    return { left, stored, forgotten, isCurrent, version: versions.values().next().value ?? 0 };
  }

  /** Writes, and tells those who break a unique key: then nothing is to be kept. Gives the others. */
  async function write<M extends Member>(
    connection: PgConnection,
    { left, version, stored, forgotten }: Judged<M>,
    { time }: Moment,
    tell: Answers<M>['tell'],
  ): Promise<readonly M[]> {
    const puts = left.flatMap(({ commit }) => commit.puts);
    const deletes = left.flatMap(({ commit }) => commit.deletes);
    const events = left.flatMap(({ commit }) => commit.events);
    const sent = writes.write(connection, { puts, deletes, events }, version, (one) => stored.has(recordId(one)));
    const conflicts = writes.conflicts(connection, puts, time);
    // All of them: a connection that breaks fails each, and a failure that nobody waits for ends the process.
    const [found] = await Promise.all([
      Promise.all(conflicts),
      forgotten.length === 0 ? [] : connection.run(FORGET, { ids: forgotten }),
      ...sent,
    ]);
    const broken = Map.groupBy(found.flat(), ({ record }) => recordId(record));
    return left.filter((member) => {
      const [first] = writtenBy(member).flatMap((record) => broken.get(recordId(record)) ?? []);
      if (first !== undefined) tell(member, first.result);
      return first === undefined;
    });
  }

  /** Up to COMMIT, or ROLLBACK. */
  async function transact<M extends Member>(
    connection: PgConnection,
    company: Company<M>,
    time: number,
    { tell, giveWay }: Answers<M>,
  ): Promise<void> {
    const moment = { time, generation: layouts.generation };
    const { left, seen } = await look(connection, company, tell);
    if (left.length === 0) return connection.exec('ROLLBACK');
    const judged = await judge(connection, await locksOf(connection, left, seen, giveWay), seen, moment, tell);
    if (judged.left.length === 0) {
      await connection.exec('ROLLBACK');
      if (!judged.isCurrent) await layouts.reload(runner(connection), []);
      return;
    }
    const written = await write(connection, judged, moment, tell);
    if (written.length < judged.left.length) {
      await connection.exec('ROLLBACK');
      // Without those who cannot.
      if (written.length > 0)
        await transact(connection, { ...company, members: written, behind: [] }, time, { tell, giveWay });
      return;
    }
    await connection.commit();
    for (const member of written) tell(member, { ok: true, version: judged.version });
  }

  return {
    apply: (company, time, answers) => driver.session((connection) => transact(connection, company, time, answers)),
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

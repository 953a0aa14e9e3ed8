import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { Check, Commit, CommitResult, RecordPut, WriteWork } from '../../ports/record-store.ts';
import { hasWrites } from './sql-commit.ts';
import { NEVER } from './sql-layout.ts';
import { param } from './sql-statement.ts';
import type { SqliteLayouts } from './sqlite-layouts.ts';
import type { SqliteReader } from './sqlite-reader.ts';
import { prepare } from './sqlite-statement.ts';
import type { Work } from './sqlite-transaction.ts';
import { createWaitingRows } from './sqlite-waiting-rows.ts';

/** How long `outcome` remembers a commit. */
const OUTCOME_MS = 3_600_000;
/** Commits between two looks at some that may be forgotten, and how many are looked at: a whole round takes half as many commits as there are. */
const PRUNE_EVERY = 64;
const PRUNE_AT_MOST = 128;

/** What is done inside a transaction that somebody else begins and ends. */
export interface SqliteCommitter {
  /** Evaluates a commit's checks and makes its writes, as of `time`. Where `keep` is false, what was written is to be undone. */
  apply(commit: Commit, time: number): Work<CommitResult>;
  /** Writes what commits left to be written together; called once they are all applied, before their transaction ends. */
  settle(): void;
  /** Removes records that had expired at `time`, at most `limit`; gives how many. */
  removeExpired(limit: number, time: number): Work<number>;
  outcome(commitId: string): number | null;
  /** Statements of one write in a commit. */
  explain(work: WriteWork): readonly string[];
}

/** What commits of a transaction have done so far that the tables do not say yet. */
interface Unsettled {
  /** The version of the newest. */
  sequence: number;
  /** Of the newest event. */
  position: number;
  /** How often something had been undone when the first was applied. */
  readonly undone: number;
  /** By commit id. */
  readonly versions: Map<string, number>;
}

/**
 * `undone` grows whenever something that was written is undone. `reader` reads on the same connection. No statement here that runs for each
 * commit may change several rows and fail in between, as those do which
 * return rows, resolve conflicts or have no WHERE: SQLite sets a mark before each, at which FTS5 writes what it has gathered of a whole transaction.
 */
export function createCommitter(
  database: Database,
  layouts: SqliteLayouts,
  reader: SqliteReader,
  undone: () => number,
): SqliteCommitter {
  const state = prepare(
    database,
    sql`SELECT sequence, generation, max(last_gone, coalesce((SELECT max(position) FROM events), 0)) FROM state`,
  );
  const advance = prepare(database, sql`UPDATE state SET sequence = ${param('version')} WHERE id = 1`);
  const findRecord = prepare(
    database,
    sql`SELECT id FROM records WHERE collection = ${param('collection')} AND key = ${param('key')}`,
  );
  const addRecord = prepare(
    database,
    sql`INSERT INTO records (collection, key, value, version, expires_at)
      VALUES (${param('collection')}, ${param('key')}, ${param('value')}, ${param('version')}, ${param('expiresAt')})`,
  );
  const replaceRecord = prepare(
    database,
    sql`UPDATE records SET value = ${param('value')}, version = ${param('version')}, expires_at = ${param('expiresAt')} WHERE id = ${param('id')}`,
  );
  const deleteRecord = prepare(
    database,
    sql`DELETE FROM records WHERE collection = ${param('collection')} AND key = ${param('key')} RETURNING id`,
  );
  const events = createWaitingRows(database, 'events', ['position', 'version', 'id', 'type', 'at', 'payload'], undone);
  const commits = createWaitingRows(database, 'commits', ['id', 'version', 'at'], undone);
  const recall = prepare(database, sql`SELECT version FROM commits WHERE id = ${param('id')}`);
  const remembered = prepare(
    database,
    sql`SELECT id, at FROM commits WHERE id > ${param('after')} ORDER BY id LIMIT ${param('limit')}`,
  );
  const forget = prepare(
    database,
    sql`DELETE FROM commits WHERE id > ${param('after')} AND id <= ${param('last')} AND at <= ${param('before')}`,
  );
  const expired = prepare(
    database,
    // The second condition is that of the partial index, to the letter.
    sql`SELECT collection, key FROM records
      WHERE expires_at <= ${param('now')} AND expires_at < ${sql.lit(NEVER)} LIMIT ${param('limit')}`,
  );

  /** Ids up to this one were looked at in this round. */
  let lookedAt = '';

  /** Looks at some ids after the other: the oldest come first where ids grow with time, and none is left out where they do not. */
  function forgetOld(before: number): void {
    const after = lookedAt;
    const rows = remembered.rows({ after, limit: PRUNE_AT_MOST });
    const last = String(rows.at(-1)?.[0] ?? '');
    // To find none costs as much as to take them out.
    if (rows.some(([, at]) => Number(at) <= before)) forget.run({ after, last, before });
    lookedAt = rows.length === PRUNE_AT_MOST ? last : '';
  }

  /** Of the transaction under way, where commits were applied that are not settled. */
  let unsettled: Unsettled | null = null;

  function unsettledNow(): Unsettled | null {
    if (unsettled !== null && unsettled.undone !== undone()) unsettled = null;
    return unsettled;
  }

  function versionOf(id: string): number | null {
    const version = unsettledNow()?.versions.get(id);
    if (version !== undefined) return version;
    const row = recall.row({ id });
    return row === undefined ? null : Number(row[0]);
  }

  function current(): { readonly sequence: number; readonly position: number } {
    const known = unsettledNow();
    if (known !== null) return known;
    const [sequence, generation, position] = state.row({}) ?? [];
    layouts.follow(Number(generation));
    return { sequence: Number(sequence), position: Number(position) };
  }

  function put({ collection, key, value, expiresAt, rows }: RecordPut, version: number): void {
    const found = findRecord.row({ collection, key })?.[0];
    const isNew = found === undefined;
    const record = { value, version, expiresAt: expiresAt ?? NEVER };
    const id = isNew ? addRecord.insert({ ...record, collection, key }) : Number(found);
    if (!isNew) replaceRecord.run({ ...record, id });
    const by = { id, key, expiresAt: record.expiresAt, isNew };
    for (const [name, writer] of layouts.writersOf(collection)) {
      const row = rows[name];
      if (row !== undefined) writer.put(by, row);
      else if (!isNew) writer.delete(id);
    }
  }

  function remove(collection: string, key: string): void {
    const [id] = deleteRecord.row({ collection, key }) ?? [];
    if (id === undefined) return;
    for (const writer of layouts.writersOf(collection).values()) writer.delete(Number(id));
  }

  /** Looks after all writes were done, so that what the commit itself replaces or deletes holds nothing. */
  function uniqueConflict(puts: readonly RecordPut[], time: number): CommitResult | null {
    for (const { collection, key, rows, expiresAt } of puts) {
      if (expiresAt !== null && expiresAt <= time) continue;
      for (const [index, writer] of layouts.writersOf(collection)) {
        const row = rows[index];
        const conflict = row === undefined ? null : writer.conflict(key, row, time);
        if (conflict !== null) return { ok: false, reason: 'unique', index, ...conflict };
      }
    }
    return null;
  }

  function holds(check: Check, time: number): boolean {
    if (check.kind === 'query' || check.kind === 'count') layouts.writeWaiting();
    return reader.holds(check, time);
  }

  function apply(asked: Commit, time: number): Work<CommitResult> {
    const { sequence, position } = current();
    const earlier = versionOf(asked.id);
    if (earlier !== null) return { keep: false, isUntouched: true, result: { ok: true, version: earlier } };
    const lost = asked.checks.find((check) => !holds(check, time));
    if (lost !== undefined)
      return { keep: false, isUntouched: true, result: { ok: false, reason: 'check', check: lost } };
    if (!hasWrites(asked)) return { keep: false, isUntouched: true, result: { ok: true, version: sequence } };

    const version = sequence + 1;
    for (const { collection, key } of asked.deletes) remove(collection, key);
    for (const write of asked.puts) put(write, version);
    const conflict = uniqueConflict(asked.puts, time);
    if (conflict !== null) return { keep: false, result: conflict };
    for (const [place, { id, type, at, payload }] of asked.events.entries())
      events.add([position + 1 + place, version, id, type, at, payload]);
    commits.add([asked.id, version, time]);
    unsettled ??= { sequence, position, undone: undone(), versions: new Map() };
    unsettled.sequence = version;
    unsettled.position += asked.events.length;
    unsettled.versions.set(asked.id, version);
    if (version % PRUNE_EVERY === 0) forgetOld(time - OUTCOME_MS);
    return { keep: true, result: { ok: true, version } };
  }

  function settle(): void {
    const settling = unsettledNow();
    if (settling === null) return;
    unsettled = null;
    layouts.writeWaiting();
    events.write();
    commits.write();
    advance.run({ version: settling.sequence });
  }

  return {
    apply,
    settle,
    removeExpired(limit, time) {
      current();
      const rows = expired.rows({ now: time, limit });
      for (const [collection, key] of rows) remove(String(collection), String(key));
      return { keep: rows.length > 0, result: rows.length };
    },
    outcome: versionOf,
    explain(work) {
      if (work.kind === 'event') return [events.sql];
      const writers = [...layouts.writersOf(work.collection).values()];
      const records = work.kind === 'put' ? [addRecord, replaceRecord, findRecord] : [deleteRecord];
      return [
        ...records.map((statement) => statement.sql),
        ...writers.flatMap((writer) => writer.statements[work.kind]),
      ];
    },
  };
}

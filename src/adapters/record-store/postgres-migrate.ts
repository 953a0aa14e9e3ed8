import { sql } from 'kysely';
import type { CollectionSpec, IndexProgress, IndexRows, ProjectRecord } from '../../ports/record-store.ts';
import type { PgConnection, PgDriver } from './postgres-driver.ts';
import { createPgIndexWriter, encodeRow } from './postgres-index-writer.ts';
import { createPgSearchTables } from './postgres-search-writer.ts';
import { postgresDialect, statement } from './postgres-statement.ts';
import { deleteOrphans, duplicateLookups, duplicatesFound } from './sql-index.ts';
import {
  allTablesOf,
  type CollectionLayout,
  createIndexTables,
  type IndexLayout,
  layoutCollection,
  specName,
  stagingName,
  storedLayout,
  unusedName,
} from './sql-layout.ts';
import { dropTables } from './sql-migrations.ts';
import { type Fragment, param } from './sql-statement.ts';

/** How much is read, projected and written at a time. */
const BATCH_RECORDS = 500;

const NOTED = statement(sql`SELECT value FROM meta WHERE name = ${param('name')}`);
const NOTE = statement(
  sql`INSERT INTO meta VALUES (${param('name')}, ${param('value')}) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
);
const FORGET = statement(sql`DELETE FROM meta WHERE name = ${param('name')}`);
const SIZE = statement(sql`SELECT count(*) FROM records WHERE collection = ${param('collection')}`);

interface WaitingRecord {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly expiresAt: number;
}

/**
 * Brings one collection to its spec, while no other process changes indexes. New and
 * changed indexes get new tables, filled in small transactions beside the old ones while others read and write; a staging table holds which
 * records, in which version, are in. The last transaction locks commits out, finds that none is missing and makes the new tables the
 * index. One that stops is continued by the next. What becomes of old tables: see `SqliteMigration`.
 */
export async function migratePgCollection(
  driver: PgDriver,
  spec: CollectionSpec,
  project: ProjectRecord,
  storeLock: string,
  time: number,
  onProgress: (progress: IndexProgress) => void,
): Promise<void> {
  const wanted = layoutCollection(spec);
  const storedText = await noted(driver, specName(wanted.name));
  if (storedText === wanted.text) return;
  const stored = storedText === null ? [] : [...storedLayout(storedText).indexes.values()];
  const kept = new Set(stored.map(({ table }) => table));
  const fresh = [...wanted.indexes.values()].filter(({ table }) => !kept.has(table));
  const waiting = waitingIn(wanted);

  /** Whether no record is missing: then the new tables are the index. */
  const finish = async (connection: PgConnection): Promise<boolean> => {
    await connection.exec(`SELECT pg_advisory_xact_lock(${storeLock})`);
    // An index that only goes asks no record anything.
    const missing =
      fresh.length === 0 ? [] : await connection.run(waiting, { collection: wanted.name, after: '', limit: 1 });
    if (missing.length === 0) await activate(connection, wanted, stored, fresh, time);
    return missing.length === 0;
  };

  // Where there are no records, which is so at the first start, that is all.
  const isDone = await transaction(driver, async (connection) => {
    await createTables(connection, wanted, fresh);
    return finish(connection);
  });
  if (isDone) return;
  const [sizes] = await driver.run(SIZE, { collection: wanted.name });
  const total = Number(sizes?.[0] ?? 0);
  for (let after = '', done = 0; ; ) {
    const rows = await driver.run(waiting, { collection: wanted.name, after, limit: BATCH_RECORDS });
    const batch = rows.map(toWaiting);
    if (batch.length > 0) {
      const projected: (readonly [WaitingRecord, IndexRows])[] = [];
      for (const record of batch) projected.push([record, await project(wanted.name, record.key, record.value)]);
      await transaction(driver, (connection) => writeBatch(connection, wanted, fresh, projected));
      done += batch.length;
      onProgress({ collection: wanted.name, done, total });
      after = batch.at(-1)?.key ?? '';
      continue;
    }
    if (await transaction(driver, finish)) return;
    // What was written behind the last pass is found by another.
    after = '';
  }
}

async function noted({ run }: Pick<PgDriver, 'run'>, name: string): Promise<string | null> {
  const [row] = await run(NOTED, { name });
  return row === undefined ? null : String(row[0]);
}

/** Takes as long as it needs. */
function transaction<T>(driver: PgDriver, work: (connection: PgConnection) => Promise<T>): Promise<T> {
  return driver.session(async (connection) => {
    await connection.exec('BEGIN');
    const result = await work(connection);
    await connection.commit();
    return result;
  }, true);
}

function ddl(connection: PgConnection, fragment: Fragment): Promise<void> {
  return connection.exec(postgresDialect.compile(fragment).sql);
}

/** Tables that a migration did not begin to fill hold what nobody kept up: they start empty. */
async function createTables(
  connection: PgConnection,
  wanted: CollectionLayout,
  fresh: readonly IndexLayout[],
): Promise<void> {
  const begun = await noted(connection, stagingName(wanted.name));
  if (begun === wanted.staging) return;
  const old = [...(begun === null ? [] : [begun]), wanted.staging, ...fresh.flatMap(allTablesOf)];
  for (const drop of dropTables(...old)) await ddl(connection, drop);
  const { text } = postgresDialect;
  await ddl(
    connection,
    sql`CREATE TABLE ${sql.table(wanted.staging)} (key ${text} PRIMARY KEY, version BIGINT NOT NULL)`,
  );
  for (const index of fresh) {
    await connection.run(FORGET, { name: unusedName(index.table) });
    for (const create of createIndexTables(index, postgresDialect)) await ddl(connection, create);
    for (const create of createPgSearchTables(index)) await ddl(connection, create);
  }
  await connection.run(NOTE, { name: stagingName(wanted.name), value: wanted.staging });
}

function waitingIn(wanted: CollectionLayout) {
  return statement(
    sql`SELECT r.key, r.value, r.version, r.expires_at FROM records AS r
      WHERE r.collection = ${param('collection')} AND r.key > ${param('after')} AND NOT EXISTS
        (SELECT 1 FROM ${sql.table(wanted.staging)} AS f WHERE f.key = r.key AND f.version = r.version)
      ORDER BY r.key LIMIT ${param('limit')}`,
  );
}

function toWaiting([key, value, version, expiresAt]: readonly unknown[]): WaitingRecord {
  return { key: String(key), value: String(value), version: Number(version), expiresAt: Number(expiresAt) };
}

async function writeBatch(
  connection: PgConnection,
  wanted: CollectionLayout,
  fresh: readonly IndexLayout[],
  projected: readonly (readonly [WaitingRecord, IndexRows])[],
): Promise<void> {
  const stage = statement(
    sql`INSERT INTO ${sql.table(wanted.staging)} SELECT * FROM unnest(${param('keys')}::text[], ${param('versions')}::bigint[])
      ON CONFLICT (key) DO UPDATE SET version = excluded.version`,
  );
  const sent: Promise<unknown>[] = [];
  for (const index of fresh) {
    const writer = createPgIndexWriter(index);
    const present = projected.flatMap(([{ key, expiresAt }, rows]) => {
      const row = rows[index.spec.name];
      return row === undefined ? [] : [{ key, row: encodeRow(index.spec, row), source: row, expiresAt, isNew: false }];
    });
    const absent = projected.filter(([, rows]) => rows[index.spec.name] === undefined).map(([{ key }]) => key);
    sent.push(...writer.delete(connection, absent), ...writer.put(connection, present));
  }
  const records = projected.map(([record]) => record);
  sent.push(
    connection.run(stage, { keys: records.map(({ key }) => key), versions: records.map(({ version }) => version) }),
  );
  await Promise.all(sent);
}

async function activate(
  connection: PgConnection,
  wanted: CollectionLayout,
  stored: readonly IndexLayout[],
  fresh: readonly IndexLayout[],
  time: number,
): Promise<void> {
  const hasOrphans = await stagedMore(connection, wanted);
  for (const index of fresh) {
    for (const orphans of hasOrphans ? deleteOrphans(postgresDialect, index) : [])
      await connection.run(statement(orphans), { collection: wanted.name });
    await refuseDuplicates(connection, index, time);
  }
  const wantedTables = new Set([...wanted.indexes.values()].map(({ table }) => table));
  for (const index of stored) {
    if (wantedTables.has(index.table)) continue;
    const tables = allTablesOf(index);
    if (wanted.indexes.has(index.spec.name)) for (const drop of dropTables(...tables)) await ddl(connection, drop);
    else {
      const value = JSON.stringify({ index: index.spec.name, tables });
      await connection.run(NOTE, { name: unusedName(index.table), value });
    }
  }
  await ddl(connection, sql`DROP TABLE ${sql.table(wanted.staging)}`);
  await connection.run(FORGET, { name: stagingName(wanted.name) });
  await connection.run(NOTE, { name: specName(wanted.name), value: wanted.text });
  await connection.exec('UPDATE state SET generation = generation + 1');
}

/**
 * Whether records are gone that the new tables have rows of. All that are there are staged, so counting tells; commits wait for it, and to
 * look for the record of each row would take ten times as long.
 */
async function stagedMore(connection: PgConnection, wanted: CollectionLayout): Promise<boolean> {
  const compare = statement(
    sql`SELECT ((SELECT count(*) FROM ${sql.table(wanted.staging)}) > (SELECT count(*) FROM records WHERE collection = ${param('collection')}))::int`,
  );
  const [row] = await connection.run(compare, { collection: wanted.name });
  return Number(row?.[0]) === 1;
}

async function refuseDuplicates(connection: PgConnection, index: IndexLayout, now: number): Promise<void> {
  for (const { key, find } of duplicateLookups(index)) {
    const [found] = await connection.run(statement(find), { now });
    if (found !== undefined) throw duplicatesFound(index, key, found);
  }
}

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { CollectionSpec, IndexRows } from '../../ports/record-store.ts';
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
import { createIndexWriter } from './sqlite-index-writer.ts';
import { createSearchTables } from './sqlite-search-writer.ts';
import { prepare, sqliteDialect } from './sqlite-statement.ts';

/** How much is read, projected and written at a time. */
const BATCH_RECORDS = 200;
const BATCH_CHARACTERS = 4_000_000;

/** A stored record that is not in the new indexes yet. */
export interface WaitingRecord {
  /** The record's number. */
  readonly id: number;
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly expiresAt: number;
}

/**
 * Brings collections to their specs, in steps that each run in a transaction of the caller's. New and changed indexes get new tables, which
 * are filled beside the old ones; others go on reading and writing meanwhile. A staging table holds which records, in which version, are in.
 * The last step finds that none is missing and makes the new tables the index. Two processes that do the same help each other; one that
 * stops is continued by the next. The tables of an index that was declared anew in another form are dropped; those of one that is not
 * declared any more stay until they are told to go (`dropUnusedIndexes`), and are not trusted when the index comes back.
 */
export interface SqliteMigration {
  /** The next records to project, or `done` when the indexes are what the spec says. UNIQUE_VIOLATION where stored records break a new unique key. */
  next(spec: CollectionSpec, after: string, time: number): readonly WaitingRecord[] | 'done';
  write(spec: CollectionSpec, projected: readonly (readonly [WaitingRecord, IndexRows])[]): void;
}

export function createMigration(database: Database): SqliteMigration {
  return {
    next: (spec, after, time) => migrationOf(database, layoutCollection(spec), time).next(after),
    write: (spec, projected) => migrationOf(database, layoutCollection(spec), 0).write(projected),
  };
}

/** Whether a collection's indexes are what its spec says; takes no lock. */
export function isMigrated(database: Database, spec: CollectionSpec): boolean {
  const active = prepare(database, sql`SELECT value FROM meta WHERE name = ${param('name')}`);
  return active.row({ name: specName(spec.name) })?.[0] === layoutCollection(spec).text;
}

/** Cheap to make where there is nothing to do: statements are compiled when they are needed. */
function migrationOf(database: Database, wanted: CollectionLayout, time: number) {
  const name = specName(wanted.name);
  const active = prepare(database, sql`SELECT value FROM meta WHERE name = ${param('name')}`);
  const forget = prepare(database, sql`DELETE FROM meta WHERE name = ${param('name')}`);
  const staging = sql.table(wanted.staging);
  const exec = (fragment: Fragment): void => void database.exec(sqliteDialect.compile(fragment).sql);
  const put = prepare(
    database,
    sql`INSERT INTO meta VALUES (${param('name')}, ${param('value')}) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );

  const storedText = (): string | null => {
    const row = active.row({ name });
    return row === undefined ? null : String(row[0]);
  };
  const isDone = (): boolean => storedText() === wanted.text;

  function stored(): readonly IndexLayout[] {
    const text = storedText();
    return text === null ? [] : [...storedLayout(text).indexes.values()];
  }

  function fresh(): readonly IndexLayout[] {
    const kept = new Set(stored().map(({ table }) => table));
    return [...wanted.indexes.values()].filter(({ table }) => !kept.has(table));
  }

  /** Tables that a migration did not begin to fill hold what nobody kept up: they start empty. */
  function createTables(): void {
    const begun = active.row({ name: stagingName(wanted.name) })?.[0];
    if (begun === wanted.staging) return;
    if (typeof begun === 'string') exec(sql`DROP TABLE IF EXISTS ${sql.table(begun)}`);
    put.run({ name: stagingName(wanted.name), value: wanted.staging });
    exec(sql`DROP TABLE IF EXISTS ${staging}`);
    exec(sql`CREATE TABLE ${staging} (key TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID`);
    for (const index of fresh()) {
      for (const table of allTablesOf(index)) exec(sql`DROP TABLE IF EXISTS ${sql.table(table)}`);
      forget.run({ name: unusedName(index.table) });
      for (const statement of createIndexTables(index, sqliteDialect)) exec(statement);
      for (const statement of createSearchTables(index)) exec(statement);
    }
  }

  function waiting(after: string): readonly WaitingRecord[] {
    // An index that only goes asks no record anything.
    if (fresh().length === 0) return [];
    const missing = prepare(
      database,
      sql`SELECT r.id, r.key, r.value, r.version, r.expires_at FROM records AS r
        LEFT JOIN ${staging} AS f ON f.key = r.key AND f.version = r.version
        WHERE r.collection = ${param('collection')} AND r.key > ${param('after')} AND f.key IS NULL
        ORDER BY r.key LIMIT ${param('limit')}`,
    );
    const found: WaitingRecord[] = [];
    let characters = 0;
    for (const [id, key, value, version, expiresAt] of missing.each({
      collection: wanted.name,
      after,
      limit: BATCH_RECORDS,
    })) {
      found.push({
        id: Number(id),
        key: String(key),
        value: String(value),
        version: Number(version),
        expiresAt: Number(expiresAt),
      });
      characters += String(value).length;
      if (characters > BATCH_CHARACTERS) break;
    }
    return found;
  }

  function activate(): void {
    const indexes = fresh();
    for (const index of indexes) {
      for (const orphans of deleteOrphans(sqliteDialect, index))
        prepare(database, orphans).run({ collection: wanted.name });
      refuseDuplicates(database, index, time);
    }
    const kept = new Set([...wanted.indexes.values()].map(({ table }) => table));
    for (const index of stored()) {
      if (kept.has(index.table)) continue;
      const tables = allTablesOf(index);
      if (wanted.indexes.has(index.spec.name)) for (const drop of dropTables(...tables)) exec(drop);
      else put.run({ name: unusedName(index.table), value: JSON.stringify({ index: index.spec.name, tables }) });
    }
    exec(sql`DROP TABLE ${staging}`);
    forget.run({ name: stagingName(wanted.name) });
    put.run({ name, value: wanted.text });
    database.exec('UPDATE state SET generation = generation + 1');
  }

  /** The next records to project, or `done` when every record was in and the new indexes have taken over. */
  function next(after: string): readonly WaitingRecord[] | 'done' {
    if (isDone()) return 'done';
    createTables();
    const found = waiting(after);
    if (found.length > 0) return found;
    // The end of a pass. What was written behind it is found by another.
    const again = after === '' ? [] : waiting('');
    if (again.length > 0) return again;
    activate();
    return 'done';
  }

  function write(projected: readonly (readonly [WaitingRecord, IndexRows])[]): void {
    if (isDone()) return;
    const writers = fresh().map((index) => ({ name: index.spec.name, writer: createIndexWriter(database, index) }));
    const stage = prepare(
      database,
      sql`INSERT INTO ${staging} VALUES (${param('key')}, ${param('version')}) ON CONFLICT (key) DO UPDATE SET version = excluded.version`,
    );
    for (const [{ id, key, version, expiresAt }, rows] of projected) {
      for (const { name, writer } of writers) {
        const row = rows[name];
        if (row === undefined) writer.delete(id);
        else writer.put({ id, key, expiresAt, isNew: false }, row);
      }
      stage.run({ key, version });
    }
    for (const { writer } of writers) writer.writeWaiting();
  }

  return { next, write };
}

function refuseDuplicates(database: Database, index: IndexLayout, now: number): void {
  for (const { key, find } of duplicateLookups(index)) {
    const found = prepare(database, find).row({ now });
    if (found !== undefined) throw duplicatesFound(index, key, found);
  }
}

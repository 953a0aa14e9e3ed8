import { dirname, resolve } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import { makeDurableFolder, syncFolderNow } from '../durable-folder.ts';
import { newerRelease, refuseNewer } from './sql-migrations.ts';
import { sqliteCode, toStoreError } from './sqlite-errors.ts';
import { doneMigrations, FORMAT, hasTable, SQLITE_MIGRATIONS } from './sqlite-tables.ts';

/** `ENTR`: marks the file as ours. */
const APPLICATION_ID = 0x454e5452;
/** Older releases can corrupt a database in WAL mode when a write and a checkpoint race (sqlite.org/wal.html, the WAL-reset bug). */
const OLDEST_SQLITE = '3.51.3';
const CACHE_KIB = 65_536;
const MAX_WAL_BYTES = 134_217_728;
/** 64 MiB: pages that many commits write are copied back once for all of them. A writer thread has a checkpointer instead. */
const CHECKPOINT_PAGES = 16_000;

/**
 * Opens a file, or `:memory:`, marks it as ours where it is new, and sets what makes it durable; its tables are another matter
 * (`createSqliteTables`). Fails with STORE_FAILURE and a sentence on an SQLite that is too old and on a file that another program or a
 * newer engine made.
 */
export function openDatabase(file: string, busyTimeoutMs: number): Database {
  const isFile = file !== ':memory:';
  if (isFile) makeDurableFolder(dirname(resolve(file)));
  const database = new Sqlite(file, { timeout: busyTimeoutMs });
  try {
    requireSqlite(String(database.prepare('SELECT sqlite_version()').pluck().get()));
    database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`);
    // At one moment: another process may be setting the file up.
    const isNew = database.transaction(() => refuseForeignFile(database))();
    if (isFile) useWal(database, busyTimeoutMs);
    // FULL: a commit returns after the log was fsynced. The two fullfsync settings matter on macOS only.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
      PRAGMA cache_size = -${CACHE_KIB}; PRAGMA journal_size_limit = ${MAX_WAL_BYTES}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;`);
    if (isNew) database.pragma(`application_id = ${APPLICATION_ID}`);
    if (isFile) syncFolderNow(dirname(file));
    return database;
  } catch (thrown) {
    database.close();
    throw toStoreError(thrown);
  }
}

/** Refuses an SQLite that is older than the engine trusts. */
export function requireSqlite(version: string): void {
  const have = version.split('.').map(Number);
  const want = OLDEST_SQLITE.split('.').map(Number);
  const place = want.findIndex((part, index) => part !== (have[index] ?? 0));
  if (place >= 0 && (have[place] ?? 0) < (want[place] ?? 0)) {
    throw new RegistryError('STORE_FAILURE', {
      message: `SQLite ${version} is too old: ${OLDEST_SQLITE} is the first release whose write-ahead log is safe`,
    });
  }
}

/** Looks before anything is written: another program's file stays as it is. Whether the file is new. */
function refuseForeignFile(database: Database): boolean {
  const id = database.pragma('application_id', { simple: true });
  if (id === APPLICATION_ID) {
    if (hasTable(database, 'meta')) {
      const format = Number(database.prepare(`SELECT value FROM meta WHERE name = 'format'`).pluck().get());
      if (format > FORMAT) throw newerRelease(`format ${format}; this one knows ${FORMAT}`);
    }
    refuseNewer(doneMigrations(database), SQLITE_MIGRATIONS);
    return false;
  }
  const tables = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (id !== 0 || tables !== 0) {
    throw new RegistryError('STORE_FAILURE', { message: 'The file is the database of another program' });
  }
  return true;
}

/** SQLite does not wait for other processes while it changes the mode, so this does. */
function useWal(database: Database, busyTimeoutMs: number): void {
  const giveUpAt = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      const mode = database.pragma('journal_mode = WAL', { simple: true });
      if (mode === 'wal') return;
      throw new RegistryError('STORE_FAILURE', { message: 'The file system cannot hold a write-ahead log' });
    } catch (thrown) {
      if (!sqliteCode(thrown).startsWith('SQLITE_BUSY') || performance.now() >= giveUpAt) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

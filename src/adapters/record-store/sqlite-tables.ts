import type { Database } from 'better-sqlite3';
import { Kysely, SqliteDialect, sql } from 'kysely';
import type { StoreTables } from '../../ports/record-store.ts';
import { NEVER, specName, unusedName } from './sql-layout.ts';
import { createEngineTables, dropTables, MIGRATION_TABLE, type TableMigration } from './sql-migrations.ts';
import { type Fragment, param } from './sql-statement.ts';
import { sqliteCode } from './sqlite-errors.ts';
import { prepare, sqliteDialect } from './sqlite-statement.ts';

/** Form of the records. A file with a higher number was made by a newer engine. */
export const FORMAT = 1;

const EVENT_COLUMNS =
  'version INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL, payload TEXT NOT NULL';

/** Makes a table anew with other columns or other options, and the same rows. */
function remade(table: string, columns: string, options = ''): readonly Fragment[] {
  const names = columns.split(', ').map((column) => sql.ref(column.split(' ')[0] ?? ''));
  const old = sql.table(`${table}_before`);
  return [
    ...dropTables(`${table}_before`),
    sql`ALTER TABLE ${sql.table(table)} RENAME TO ${old}`,
    sql`CREATE TABLE ${sql.table(table)} (${sql.raw(columns)}) ${sql.raw(options)}`,
    sql`INSERT INTO ${sql.table(table)} (${sql.join(names)}) SELECT ${sql.join(names)} FROM ${old}`,
    ...dropTables(`${table}_before`),
  ];
}

/**
 * `state` has one row: the version of the newest commit, and a number that grows whenever the indexes change, by which processes
 * notice that another one migrated. `records` keeps its rows apart from its key's b-tree: documents of a kilobyte inside that tree
 * made it three times as large and reads eight times as slow. Rows of indexes name records by `id`, which is one way down a tree instead of
 * two; without a column of its own the number would be given anew by VACUUM. `commits` remembers commit ids for `outcome`; as they grow with time,
 * its newest rows lie on one page. `events` gives a position never twice: `state` has the last of those that were taken away, which costs a
 * commit less than the table that SQLite keeps for AUTOINCREMENT.
 */
export const SQLITE_MIGRATIONS: readonly TableMigration[] = [
  {
    name: '0001_records',
    up: [
      sql`CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
      sql`CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, generation INTEGER NOT NULL)`,
      sql`CREATE TABLE IF NOT EXISTS records (collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, UNIQUE (collection, key))`,
      sql`CREATE INDEX IF NOT EXISTS records_expiring ON records (expires_at) WHERE expires_at < ${sql.lit(NEVER)}`,
      sql`INSERT OR IGNORE INTO meta VALUES ('format', ${sql.lit(String(FORMAT))})`,
      sql`INSERT OR IGNORE INTO state VALUES (1, 0, 0)`,
    ],
    down: dropTables('records', 'state', 'meta'),
  },
  {
    name: '0002_log',
    up: [
      sql`CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, id TEXT NOT NULL,
        type TEXT NOT NULL, at TEXT NOT NULL, payload TEXT NOT NULL)`,
      sql`CREATE TABLE IF NOT EXISTS commits (version INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL)`,
    ],
    down: dropTables('events', 'commits'),
  },
  {
    name: '0003_record_ids',
    up: [
      ...dropTables('records_with_ids'),
      sql`CREATE TABLE records_with_ids (id INTEGER PRIMARY KEY, collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        version INTEGER NOT NULL, expires_at INTEGER NOT NULL, UNIQUE (collection, key))`,
      sql`INSERT INTO records_with_ids SELECT rowid, collection, key, value, version, expires_at FROM records`,
      ...dropTables('records'),
      sql`ALTER TABLE records_with_ids RENAME TO records`,
      sql`CREATE INDEX records_expiring ON records (expires_at) WHERE expires_at < ${sql.lit(NEVER)}`,
    ],
    // A column more does no harm; what is forgotten is which indexes there are, so that they are made anew.
    down: [sql`DELETE FROM meta WHERE name >= ${sql.lit(specName(''))} AND name < 'collection;'`],
  },
  {
    name: '0004_small_log',
    up: [
      sql`ALTER TABLE state ADD COLUMN last_gone INTEGER NOT NULL DEFAULT 0`,
      sql`UPDATE state SET last_gone = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)`,
      ...remade('events', `position INTEGER PRIMARY KEY, ${EVENT_COLUMNS}`),
      ...remade('commits', 'id TEXT PRIMARY KEY, version INTEGER NOT NULL, at INTEGER NOT NULL', 'WITHOUT ROWID'),
    ],
    down: [
      ...remade('events', `position INTEGER PRIMARY KEY AUTOINCREMENT, ${EVENT_COLUMNS}`),
      ...remade('commits', 'version INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL'),
      sql`UPDATE sqlite_sequence SET seq = max(seq, (SELECT last_gone FROM state)) WHERE name = 'events'`,
      sql`INSERT INTO sqlite_sequence SELECT 'events', last_gone FROM state WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')`,
      sql`ALTER TABLE state DROP COLUMN last_gone`,
    ],
  },
];

interface UnusedIndex {
  readonly note: string;
  readonly index: string;
  readonly tables: readonly string[];
}

/** Indexes that no definition declares any more, and the tables they left. */
function unusedIndexes(database: Database): readonly UnusedIndex[] {
  if (!hasTable(database, 'meta')) return [];
  const notes = prepare(
    database,
    sql`SELECT name, value FROM meta WHERE name >= ${param('from')} AND name < ${param('to')}`,
  );
  return notes.rows({ from: unusedName(''), to: 'unused;' }).map(([note, value]) => {
    const { index, tables }: Omit<UnusedIndex, 'note'> = JSON.parse(String(value));
    return { note: String(note), index, tables };
  });
}

function dropUnused(database: Database): readonly string[] {
  const forget = prepare(database, sql`DELETE FROM meta WHERE name = ${param('name')}`);
  return unusedIndexes(database).map(({ note, index, tables }) => {
    for (const drop of dropTables(...tables)) database.exec(sqliteDialect.compile(drop).sql);
    forget.run({ name: note });
    return index;
  });
}

/** The migrator of a file. The write lock is held all the way, because Kysely takes none on SQLite and DDL is transactional here. */
export function createSqliteTables(database: Database, busyTimeoutMs: number): StoreTables {
  const tables = createEngineTables(new Kysely({ dialect: new SqliteDialect({ database }) }), SQLITE_MIGRATIONS);
  const locked = async (work: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    await beginImmediate(database, busyTimeoutMs);
    try {
      const names = await work();
      database.exec('COMMIT');
      return names;
    } catch (thrown) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw thrown;
    }
  };
  return {
    status: async () => ({
      migrations: await tables.status(),
      unusedIndexes: unusedIndexes(database).map(({ index }) => index),
    }),
    up: () => locked(tables.up),
    down: () => locked(tables.down),
    dropUnused: () => locked(async () => dropUnused(database)),
  };
}

/** Waits for other processes without holding the event loop. */
async function beginImmediate(database: Database, busyTimeoutMs: number): Promise<void> {
  const giveUpAt = performance.now() + busyTimeoutMs;
  database.pragma('busy_timeout = 0');
  try {
    for (;;) {
      try {
        database.exec('BEGIN IMMEDIATE');
        return;
      } catch (thrown) {
        if (!sqliteCode(thrown).startsWith('SQLITE_BUSY') || performance.now() >= giveUpAt) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  } finally {
    database.pragma(`busy_timeout = ${Math.trunc(busyTimeoutMs)}`);
  }
}

/** Names of the engine's migrations that were done. */
export function doneMigrations(database: Database): readonly string[] {
  if (!hasTable(database, MIGRATION_TABLE)) return [];
  return database.prepare<[], string>(`SELECT name FROM ${MIGRATION_TABLE} ORDER BY name`).pluck().all();
}

export function hasTable(database: Database, name: string): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined;
}

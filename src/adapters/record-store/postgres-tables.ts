import { sql } from 'kysely';
import type { StoreTables } from '../../ports/record-store.ts';
import type { PgConnection, PgDriver } from './postgres-driver.ts';
import { postgresDialect, statement } from './postgres-statement.ts';
import { NEVER, unusedName } from './sql-layout.ts';
import {
  createEngineTables,
  dropTables,
  type EngineTables,
  MIGRATION_TABLE,
  refuseNewer,
  type TableMigration,
} from './sql-migrations.ts';
import { param } from './sql-statement.ts';

/**
 * `state` has one row: `base`, which is added to a transaction's id to make the version of its commit, and a number that grows whenever
 * the indexes change. An event's position is its commit's version with its place in the commit behind it. `commits` remembers commit
 * ids for `outcome`: a version of 0 says that the commit was given up and never will be applied.
 */
export const POSTGRES_MIGRATIONS: readonly TableMigration[] = [
  {
    name: '0001_records',
    up: [
      sql`CREATE TABLE IF NOT EXISTS meta (name TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL)`,
      sql`CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), base BIGINT NOT NULL, generation BIGINT NOT NULL)`,
      sql`CREATE TABLE IF NOT EXISTS records (collection TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, value TEXT NOT NULL,
        version BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (collection, key))`,
      sql`CREATE INDEX IF NOT EXISTS records_expiring ON records (expires_at) WHERE expires_at < ${sql.lit(NEVER)}`,
      sql`INSERT INTO state VALUES (1, 0, 0) ON CONFLICT DO NOTHING`,
    ],
    down: dropTables('records', 'state', 'meta'),
  },
  {
    name: '0002_log',
    up: [
      sql`CREATE TABLE IF NOT EXISTS events (position BIGINT PRIMARY KEY, version BIGINT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
        at TEXT NOT NULL, payload TEXT NOT NULL)`,
      sql`CREATE TABLE IF NOT EXISTS commits (id TEXT COLLATE "C" PRIMARY KEY, version BIGINT NOT NULL, at BIGINT NOT NULL)`,
      sql`CREATE INDEX IF NOT EXISTS commits_at ON commits (at)`,
      sql`CREATE INDEX IF NOT EXISTS commits_version ON commits (version)`,
    ],
    down: dropTables('events', 'commits'),
  },
];

const HAS_META = statement(sql`SELECT to_regclass('meta')::text`);
const HAS_MIGRATIONS = statement(sql`SELECT to_regclass(${sql.lit(MIGRATION_TABLE)})::text`);
const DONE = statement(sql`SELECT name FROM ${sql.table(MIGRATION_TABLE)}`);
const UNUSED = statement(sql`SELECT name, value FROM meta WHERE name >= ${param('from')} AND name < ${param('to')}`);
const FORGET = statement(sql`DELETE FROM meta WHERE name = ${param('name')}`);

/** Whether the tables are what this release needs; takes no lock. Fails with STORE_FAILURE on those of a newer release. */
export async function hasPgTables({ run }: Pick<PgDriver, 'run'>): Promise<boolean> {
  const [found] = await run(HAS_MIGRATIONS, {});
  if ((found?.[0] ?? null) === null) return false;
  const done = (await run(DONE, {})).map(([name]) => String(name));
  refuseNewer(done, POSTGRES_MIGRATIONS);
  return done.length === POSTGRES_MIGRATIONS.length;
}

/** The engine's tables in one schema. `lock` is that of the one who changes tables. */
export function createPgTables(schema: string, connected: () => Promise<PgDriver>, lock: string): StoreTables {
  async function withMigrator<T>(work: (tables: EngineTables) => Promise<T>): Promise<T> {
    const driver = await connected();
    return driver.exclusively(lock, async () => {
      await driver.session((connection) => connection.exec(`CREATE SCHEMA IF NOT EXISTS ${schema}`));
      return driver.migrating((kysely) => work(createEngineTables(kysely, POSTGRES_MIGRATIONS, schema)));
    });
  }

  async function unused({ run }: Pick<PgDriver, 'run'>): Promise<readonly UnusedIndex[]> {
    const [meta] = await run(HAS_META, {});
    if ((meta?.[0] ?? null) === null) return [];
    const rows = await run(UNUSED, { from: unusedName(''), to: 'unused;' });
    return rows.map(([note, value]) => {
      const { index, tables }: Omit<UnusedIndex, 'note'> = JSON.parse(String(value));
      return { note: String(note), index, tables };
    });
  }

  async function dropIndex(connection: PgConnection, { note, tables }: UnusedIndex): Promise<void> {
    for (const drop of dropTables(...tables)) await connection.exec(postgresDialect.compile(drop).sql);
    await connection.run(FORGET, { name: note });
  }

  return {
    async status() {
      const migrations = await withMigrator((tables) => tables.status());
      return { migrations, unusedIndexes: (await unused(await connected())).map(({ index }) => index) };
    },
    up: () => withMigrator((tables) => tables.up()),
    down: () => withMigrator((tables) => tables.down()),
    async dropUnused() {
      const driver = await connected();
      return driver.exclusively(lock, async () => {
        const found = await unused(driver);
        for (const index of found) await driver.session((connection) => dropIndex(connection, index), true);
        return found.map(({ index }) => index);
      });
    },
  };
}

interface UnusedIndex {
  readonly note: string;
  readonly index: string;
  readonly tables: readonly string[];
}

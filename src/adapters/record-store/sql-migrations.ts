import { type Kysely, sql } from 'kysely';
import { type MigrationResultSet, Migrator } from 'kysely/migration';
import { RegistryError } from '../../errors/registry-error.ts';
import type { EngineMigration } from '../../ports/record-store.ts';
import type { Fragment } from './sql-statement.ts';

/** Where Kysely's migrator notes what was done. */
export const MIGRATION_TABLE = 'engine_migrations';
const LOCK_TABLE = 'engine_migration_lock';

/** One step in the form of the engine's own tables. Its statements do no harm where they were run before. */
export interface TableMigration {
  readonly name: string;
  readonly up: readonly Fragment[];
  readonly down: readonly Fragment[];
}

/** The engine's own tables in one store: what is done and what is not, upwards and downwards. */
export interface EngineTables {
  status(): Promise<readonly EngineMigration[]>;
  /** Does what is not done yet. Several processes may ask at once. Fails with STORE_FAILURE on the tables of a newer release. */
  up(): Promise<readonly string[]>;
  /** Undoes the newest. */
  down(): Promise<readonly string[]>;
}

/** `schema` names the PostgreSQL schema that the tables stand in; it is made where it is missing. */
export function createEngineTables(
  // The migrator asks for it: migrations are written before any table has a type.
  database: Kysely<unknown>,
  migrations: readonly TableMigration[],
  schema?: string,
): EngineTables {
  const provided = Object.fromEntries(
    migrations.map(({ name, up, down }) => [name, { up: runAll(up), down: runAll(down) }]),
  );
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => provided },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: LOCK_TABLE,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
  const settle = async (work: () => Promise<MigrationResultSet>): Promise<readonly string[]> => {
    try {
      const { error, results } = await work();
      if (error !== undefined) throw error;
      return (results ?? []).map(({ migrationName }) => migrationName);
    } catch (error) {
      throw toMigrationError(error);
    }
  };
  return {
    async status() {
      const known = await migrator.getMigrations();
      return known.map(({ name, executedAt }) => ({ name, doneAt: executedAt?.toISOString() ?? null }));
    },
    up: () => settle(() => migrator.migrateToLatest()),
    down: () => settle(() => migrator.migrateDown()),
  };
}

/** Fails when the store knows migrations that this release does not. */
export function refuseNewer(done: readonly string[], migrations: readonly TableMigration[]): void {
  const unknown = done.find((name) => !migrations.some((known) => known.name === name));
  if (unknown !== undefined) throw newerRelease(`it has the migration ${unknown}`);
}

export function newerRelease(why: string): RegistryError {
  return new RegistryError('STORE_FAILURE', {
    message: `The store was made by a newer release (${why}): start that release`,
  });
}

function runAll(statements: readonly Fragment[]) {
  return async (database: Kysely<unknown>): Promise<void> => {
    for (const statement of statements) await statement.execute(database);
  };
}

function toMigrationError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  const message = thrown instanceof Error ? thrown.message : '';
  if (/corrupted migrations/.test(message)) return newerRelease(message.replace('corrupted migrations: ', ''));
  return new RegistryError('STORE_FAILURE', { cause: thrown });
}

/** Fragments that drop tables, if they are there. */
export function dropTables(...names: readonly string[]): readonly Fragment[] {
  return names.map((name) => sql`DROP TABLE IF EXISTS ${sql.table(name)}`);
}

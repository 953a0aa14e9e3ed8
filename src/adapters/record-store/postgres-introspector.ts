import { type DatabaseIntrospector, type Dialect, Kysely, sql } from 'kysely';

/**
 * What Kysely's migrator runs on. Kysely's own way to see whether a table is there takes every column of every table in the database, and
 * fails when one of another store, or of anybody else, is dropped meanwhile; this one reads names, from one snapshot of the catalog.
 */
export function kyselyForMigrations(dialect: Dialect): Kysely<unknown> {
  return new Kysely({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createDriver: () => dialect.createDriver(),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createIntrospector: namesOfTables,
    },
  });
}

function namesOfTables(database: Kysely<unknown>): DatabaseIntrospector {
  return {
    async getSchemas() {
      const { rows } = await sql<{ name: string }>`SELECT nspname AS name FROM pg_namespace`.execute(database);
      return rows;
    },
    async getTables() {
      const { rows } = await sql<{ schema: string; name: string }>`SELECT n.nspname AS schema, c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (current_schemas(false))`.execute(database);
      return rows.map((table) => ({ ...table, isView: false, isForeign: false, columns: [] }));
    },
  };
}

import type { PGlite } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { createLimit } from './postgres-commit-limit.ts';
import type { PgConnection, PgDriver, PgRow } from './postgres-driver.ts';
import { toPgStoreError } from './postgres-errors.ts';
import { kyselyForMigrations } from './postgres-introspector.ts';
import { SESSION_SETTINGS } from './postgres-settings.ts';
import type { PgStatement } from './postgres-statement.ts';
import type { Bindings } from './sql-statement.ts';

/** Settings that make no sense where there is one connection, which nobody can lose. */
const NOT_HERE: ReadonlySet<string> = new Set(['lock_timeout', 'idle_in_transaction_session_timeout']);

/** What an answer holds is left as the text it came in. */
const KEEP_TEXT = Object.fromEntries([16, 20, 23, 25].map((type) => [type, (text: string) => text]));

/** A database inside this process as a driver: one connection, which statements and sessions have in turn. `onClose` runs last. */
export async function createPgliteDriver(database: PGlite, schema: string, onClose: () => void): Promise<PgDriver> {
  const inTurn = createLimit(1);
  const alone = createLimit(1);
  const settings = Object.entries({ ...SESSION_SETTINGS, search_path: schema }).filter(([name]) => !NOT_HERE.has(name));
  await database.exec(settings.map(([name, value]) => `SET ${name} = ${value}`).join('; '));

  const connection: PgConnection = {
    async run(statement: PgStatement, values: Bindings) {
      const result = await database.query<PgRow>(statement.text, statement.bind(values), {
        rowMode: 'array',
        parsers: KEEP_TEXT,
      });
      return result.rows;
    },
    async exec(text) {
      await database.exec(text);
    },
    async commit() {
      await database.exec('COMMIT');
    },
  };

  return {
    run: (statement, values) =>
      inTurn(async () => {
        try {
          return await connection.run(statement, values);
        } catch (thrown) {
          throw toPgStoreError(thrown);
        }
      }),
    session: (work) =>
      inTurn(async () => {
        try {
          return await work(connection);
        } catch (thrown) {
          await database.exec('ROLLBACK; SELECT pg_advisory_unlock_all()');
          throw toPgStoreError(thrown);
        }
      }),
    exclusively: (_, work) => alone(work),
    migrating: (work) => inTurn(() => work(kyselyForMigrations(new PGliteDialect({ pglite: database })))),
    close: () =>
      inTurn(async () => {
        await database.close();
        onClose();
      }),
  };
}

import type { Kysely } from 'kysely';
import type { PgStatement } from './postgres-statement.ts';
import type { Bindings } from './sql-statement.ts';

/** A row, as values in the order of the selected columns. Whole numbers of 64 bits may come as texts. */
export type PgRow = readonly unknown[];

/** One connection, for as long as a piece of work has it. Statements sent without waiting run one after the other. */
export interface PgConnection {
  run(statement: PgStatement, values: Bindings): Promise<readonly PgRow[]>;
  /** SQL without parameters, of one or more statements. */
  exec(text: string): Promise<void>;
  /** COMMIT. Fails with COMMIT_UNKNOWN when nobody said what came of it. */
  commit(): Promise<void>;
}

/**
 * A way to a PostgreSQL database: a pool of connections to a server, or the one there is inside this process. Errors are RegistryErrors:
 * STORE_UNREACHABLE, STORE_FAILURE, STORE_FULL; COMMIT_UNKNOWN only from `commit`.
 */
export interface PgDriver {
  /** One statement on any connection; once more when the connection turns out to have been cut before. */
  run(statement: PgStatement, values: Bindings): Promise<readonly PgRow[]>;
  /**
   * Several statements on one connection, not in a transaction unless the work begins one. When the work fails, its transaction is undone
   * and its locks are gone. `patient`: statements may take as long as they need.
   */
  session<T>(work: (connection: PgConnection) => Promise<T>, patient?: boolean): Promise<T>;
  /** Runs work that no other process, nor this one, does at the same time under the same lock. The work asks for connections as it needs them. */
  exclusively<T>(lock: string, work: () => Promise<T>): Promise<T>;
  /** Runs the migrator of tables, on a connection of its own. */
  migrating<T>(work: (database: Kysely<unknown>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

import { PostgresDialect, sql } from 'kysely';
import { Client, Pool, type PoolClient, type PoolConfig, type types } from 'pg';
import { RegistryError } from '../../errors/registry-error.ts';
import type { PgConnection, PgDriver, PgRow } from './postgres-driver.ts';
import { ConnectFailure, isDisconnection, sqlState, toPgStoreError } from './postgres-errors.ts';
import { kyselyForMigrations } from './postgres-introspector.ts';
import { SESSION_SETTINGS } from './postgres-settings.ts';
import { type PgStatement, statement } from './postgres-statement.ts';
import type { Bindings } from './sql-statement.ts';

/** How a server is reached over TLS; certificates and keys as PEM. */
export interface PostgresTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  /** False takes any certificate; default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface PostgresPoolOptions {
  /** `postgres://user:password@host:port/database`; `sslmode` and other libpq parameters may follow. */
  readonly url: string;
  readonly schema: string;
  readonly poolSize: number;
  readonly tls: PostgresTls | null;
}

const CONNECT_TIMEOUT_MS = 5000;
/** A statement that nobody answers for so long will not be answered any more. */
const ANSWER_TIMEOUT_MS = 15_000;
const IDLE_MS = 60_000;
/** Between two tries for a lock that another process has. */
const LOCK_PAUSE_MS = 50;
/** `pg_current_xact_id` is of this version. */
const OLDEST_SERVER = 130_000;
/** After a server came back, connections of before turn out to be cut one after the other. */
const TRIES = 3;
const TRY_PAUSE_MS = 10;

/** Nothing that a statement here gives back needs parsing. */
const PLAIN_TYPES = { getTypeParser: () => (text: string | Buffer) => text } as unknown as typeof types;

/** Connects to a server. Fails with STORE_UNREACHABLE, or with STORE_FAILURE and a sentence when it is not one that this engine can use. */
export async function openPostgresPool(options: PostgresPoolOptions): Promise<PgDriver> {
  const durability = await probe(options);
  const config = configOf(options, durability);
  const pool = new Pool({ ...config, max: options.poolSize, idleTimeoutMillis: IDLE_MS, pipeline: true } as PoolConfig);
  hearErrors(pool);

  async function session<T>(work: (connection: PgConnection) => Promise<T>, patient = false): Promise<T> {
    const client = await connect(pool);
    let isBroken = true;
    try {
      const result = await work(connectionOf(client, patient));
      isBroken = false;
      return result;
    } catch (thrown) {
      isBroken = !(await isUsable(client, thrown));
      throw toPgStoreError(thrown);
    } finally {
      client.release(isBroken);
    }
  }

  return {
    async run(statement, values) {
      for (let tries = 1; ; tries++) {
        const client = await connect(pool);
        try {
          const rows = await connectionOf(client, false).run(statement, values);
          client.release();
          return rows;
        } catch (thrown) {
          const isCut = isDisconnection(thrown);
          client.release(isCut);
          if (!isCut || tries === TRIES) throw toPgStoreError(thrown);
          // Meanwhile the pool hears of others that were cut with it.
          await new Promise((resolve) => setTimeout(resolve, TRY_PAUSE_MS));
        }
      }
    },
    session,
    exclusively: (lock, work) =>
      session(async (connection) => {
        const take = statement(sql`SELECT pg_try_advisory_lock(${sql.raw(lock)})::text`);
        while ((await connection.run(take, {}))[0]?.[0] !== 'true')
          await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
        const result = await work();
        await connection.exec(`SELECT pg_advisory_unlock(${lock})`);
        return result;
      }),
    async migrating(work) {
      const pool = new Pool({ ...config, max: 1 });
      hearErrors(pool);
      const database = kyselyForMigrations(new PostgresDialect({ pool }));
      try {
        return await work(database);
      } finally {
        await database.destroy();
      }
    },
    close: () => pool.end(),
  };
}

/**
 * Whoever waits for an answer hears that the connection broke; a client says so by an event besides, and one that nobody hears ends the
 * process. The pool hears those of clients that nobody has at the moment.
 */
function hearErrors(pool: Pool): void {
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (thrown) {
    throw toPgStoreError(new ConnectFailure(thrown instanceof Error ? thrown.message : '', { cause: thrown }));
  }
}

function connectionOf(client: PoolClient, patient: boolean): PgConnection {
  const patience = patient ? {} : { query_timeout: ANSWER_TIMEOUT_MS };
  return {
    async run(statement: PgStatement, values: Bindings) {
      const result = await client.query<PgRow[]>({
        name: statement.name,
        text: statement.text,
        values: statement.bind(values),
        rowMode: 'array',
        types: PLAIN_TYPES,
        ...patience,
      } as never);
      return result.rows as unknown as readonly PgRow[];
    },
    async exec(text) {
      const asked = { text, ...patience };
      await client.query(asked);
    },
    async commit() {
      try {
        const asked = { text: 'COMMIT', ...patience };
        const { command } = await client.query(asked);
        // What a server says to COMMIT after a statement failed.
        if (command === 'ROLLBACK') throw new RegistryError('STORE_FAILURE');
      } catch (thrown) {
        // Only the server can say that it was not done; whatever else went wrong, it may have been.
        const isAnswer = thrown instanceof RegistryError || (sqlState(thrown) !== '' && !isDisconnection(thrown));
        throw isAnswer ? thrown : new RegistryError('COMMIT_UNKNOWN', { cause: thrown });
      }
    },
  };
}

/** Whether a connection can be used again after an error in its work: it answers, and is in no transaction any more. */
async function isUsable(client: PoolClient, thrown: unknown): Promise<boolean> {
  if (isDisconnection(thrown instanceof RegistryError ? (thrown.cause ?? thrown) : thrown)) return false;
  try {
    const asked = { text: 'ROLLBACK; SELECT pg_advisory_unlock_all()', query_timeout: ANSWER_TIMEOUT_MS };
    await client.query(asked);
    return true;
  } catch {
    return false;
  }
}

function configOf({ url, schema, tls }: PostgresPoolOptions, more: Readonly<Record<string, string>>): PoolConfig {
  const settings = { ...SESSION_SETTINGS, ...more, search_path: schema };
  return {
    connectionString: url,
    application_name: 'entrepot',
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(tls === null ? {} : { ssl: tls }),
  };
}

/** Looks at the server before anything is kept in it. Where it would acknowledge commits that it may lose, connections ask for better. */
async function probe({ url, tls }: PostgresPoolOptions): Promise<Readonly<Record<string, string>>> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(tls === null ? {} : { ssl: tls }),
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
        current_setting('synchronous_commit') AS durability`,
    );
    const { version, encoding, durability } = rows[0] ?? {};
    if (version < OLDEST_SERVER)
      refuse(`PostgreSQL 13 is the oldest that can be used, and this server is ${version / 10_000}`);
    if (encoding !== 'UTF8') refuse(`The database must be encoded in UTF8, and this one is in ${encoding}`);
    return durability === 'off' ? { synchronous_commit: 'on' } : {};
  } catch (thrown) {
    if (thrown instanceof RegistryError) throw thrown;
    const why = thrown instanceof Error ? thrown.message || String('code' in thrown ? thrown.code : '') : '';
    throw new RegistryError('STORE_UNREACHABLE', { message: `The database cannot be reached: ${why}`, cause: thrown });
  } finally {
    await client.end().catch(() => {});
  }
}

function refuse(message: string): never {
  throw new RegistryError('STORE_FAILURE', { message });
}

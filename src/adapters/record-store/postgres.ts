import { RegistryError } from '../../errors/registry-error.ts';
import type { RecordStore } from '../../ports/record-store.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { createPgRecordStore } from './postgres-core.ts';
import type { PostgresTls } from './postgres-pool.ts';
import { SCHEMA_NAME } from './postgres-settings.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; libpq's parameters may follow (`?sslmode=verify-full`). */
  readonly url: string;
  /** The PostgreSQL schema that holds the store, made where it is missing: lower-case letters, digits and underscores. */
  readonly schema: string;
  /** Connections at most; default 20. */
  readonly poolSize?: number | undefined;
  readonly tls?: PostgresTls | null;
  readonly clock?: Clock | undefined;
  /** How often the log is looked at while someone watches; default 100. */
  readonly watchIntervalMs?: number;
}

const POOL_SIZE = 20;
/** Connections that commits leave to reads. */
const FOR_READS = 4;

/**
 * Records on a PostgreSQL server, 13 or later, shared by any number of processes. Connects with `migrate`, the first call; it fails with
 * STORE_UNREACHABLE when the server is not there, with STORE_FAILURE and a sentence when it cannot be used. When it goes away later, calls
 * fail with STORE_UNREACHABLE until it is back.
 */
export function openPostgresRecordStore(options: PostgresOptions): RecordStore {
  const { url, schema, poolSize = POOL_SIZE, tls = null, clock = systemClock, watchIntervalMs = 100 } = options;
  if (!SCHEMA_NAME.test(schema)) {
    throw new RegistryError('STORE_FAILURE', {
      message: `"${schema}" cannot name a schema: lower-case letters, digits and underscores can`,
    });
  }
  return createPgRecordStore({
    schema,
    clock,
    watchIntervalMs,
    maxCommits: Math.max(1, poolSize - FOR_READS),
    capabilities: Object.freeze({ durable: true, shared: true, fullText: true, maxValueBytes: null }),
    async connect() {
      // Loaded when it is asked for: most registries have no server.
      const { openPostgresPool } = await import('./postgres-pool.ts');
      return openPostgresPool({ url, schema, poolSize, tls });
    },
  });
}

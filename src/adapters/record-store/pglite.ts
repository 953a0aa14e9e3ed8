import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import Sqlite from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import type { RecordStore } from '../../ports/record-store.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { createPgliteDriver } from './pglite-driver.ts';
import { createPgRecordStore } from './postgres-core.ts';

export interface PgliteOptions {
  /** A folder, made where it is missing; null keeps everything in memory. */
  readonly folder: string | null;
  /** Default: `entrepot`. */
  readonly schema?: string;
  readonly clock?: Clock | undefined;
  readonly watchIntervalMs?: number;
  /** Opens the database, which is closed with the store; default: PGlite in the folder. */
  readonly openDatabase?: () => Promise<PGlite>;
}

/**
 * Records in a PostgreSQL that runs inside this process (PGlite): one process at a time has the folder. It does not fsync: what was
 * acknowledged survives the end of the process, not that of the machine. Opens with `migrate`, the first call; it fails with
 * STORE_FAILURE when another process has the folder.
 */
export function openPgliteRecordStore(options: PgliteOptions): RecordStore {
  const { folder, schema = 'entrepot', clock = systemClock, watchIntervalMs = 100 } = options;
  const { openDatabase = () => createDatabase(folder) } = options;
  return createPgRecordStore({
    schema,
    clock,
    watchIntervalMs,
    maxCommits: 1,
    capabilities: Object.freeze({ durable: false, shared: false, fullText: true, maxValueBytes: null }),
    async connect() {
      const unlock = folder === null ? () => {} : lockFolder(folder);
      try {
        return await createPgliteDriver(await openDatabase(), schema, unlock);
      } catch (thrown) {
        unlock();
        throw new RegistryError('STORE_FAILURE', {
          message: 'The database in the folder does not open',
          cause: thrown,
        });
      }
    },
  });
}

async function createDatabase(folder: string | null): Promise<PGlite> {
  // Loaded when it is asked for: the database is tens of megabytes.
  const { PGlite } = await import('@electric-sql/pglite');
  return PGlite.create(folder === null ? {} : { dataDir: join(folder, 'data') });
}

/**
 * Holds the folder for this process. The lock is SQLite's on a file of its own: the operating system takes it back when the process
 * ends, however that ends.
 */
function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const lock = new Sqlite(join(folder, 'lock.sqlite'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    lock.close();
    throw new RegistryError('STORE_FAILURE', {
      message: `Another process has the folder ${folder}: one at a time can`,
      cause: thrown,
    });
  }
  return () => lock.close();
}

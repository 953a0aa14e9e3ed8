import { randomBytes } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { onTestFinished } from 'vitest';
import { guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openPgliteRecordStore } from '../../src/adapters/record-store/pglite.ts';
import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import type { Seams } from '../../src/main.ts';
import { freshSchema, sharedPostgres, whyNoPostgres } from './shared-postgres.ts';

export type StoreKind = 'memory' | 'sqlite' | 'pglite' | 'postgres';
/** The stores that answer at once: what most tests run on. */
export const STORE_KINDS: readonly StoreKind[] = ['memory', 'sqlite'];
/** All of them, but for PostgreSQL where it is not installed. */
export const ALL_STORE_KINDS: readonly StoreKind[] = ['memory', 'sqlite', 'pglite', ...ifPostgres()];

function ifPostgres(): readonly StoreKind[] {
  const missing = whyNoPostgres();
  if (missing !== null) console.warn(`Skipped: tests on PostgreSQL: ${missing}`);
  return missing === null ? ['postgres'] : [];
}

/**
 * What opens the record stores of one test, new ones that are gone after it; nothing where the adapter that the definition names does so by
 * itself. Tests share a server and a database, in which each has schemas of its own.
 */
export async function storesOf(kind: StoreKind): Promise<Pick<Seams, 'openRecordStore'>> {
  if (kind === 'postgres') {
    const server = await sharedPostgres();
    if (server === null) throw new Error('PostgreSQL is not installed');
    const { url } = server;
    const schema = freshSchema(url);
    return {
      openRecordStore: (_name, _declared, { clock }) =>
        guardRecordStore(openPostgresRecordStore({ url, schema, clock, poolSize: 8, watchIntervalMs: 5 })),
    };
  }
  if (kind !== 'pglite') return {};
  const database = await sharedPglite();
  const schema = `s${randomBytes(8).toString('hex')}`;
  onTestFinished(async () => void (await database.exec(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)));
  return {
    openRecordStore: (_name, _declared, { clock }) =>
      guardRecordStore(
        openPgliteRecordStore({ folder: null, schema, clock, openDatabase: async () => withoutClosing(database) }),
      ),
  };
}

let pglite: Promise<PGlite> | null = null;

/** One database for all tests of a process: to make one takes seconds. It ends with the process. */
export function sharedPglite(): Promise<PGlite> {
  pglite ??= PGlite.create();
  return pglite;
}

/** The database for a store that closes its own. */
export function withoutClosing(database: PGlite): PGlite {
  return new Proxy(database, {
    get(target, name) {
      if (name === 'close') return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Client } from 'pg';
import { guardRecordStore } from '../src/adapters/guards/record-store.ts';
import { openMemoryRecordStore } from '../src/adapters/record-store/memory.ts';
import { openPgliteRecordStore } from '../src/adapters/record-store/pglite.ts';
import { openPostgresRecordStore } from '../src/adapters/record-store/postgres.ts';
import { openSqliteRecordStore } from '../src/adapters/record-store/sqlite.ts';
import type { RecordStore } from '../src/ports/record-store.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';

export const ADAPTERS = ['memory', 'sqlite', 'pglite', 'postgres'] as const;
export type AdapterName = (typeof ADAPTERS)[number];

/** Where stores of one kind are kept while they are measured. */
export interface StorePlace {
  /** The database and what it is set to, in a line. */
  readonly description: string;
  /** A store for so many documents, empty and not migrated, behind the guard that it has in service. */
  open(size: number): RecordStore;
  /** Called when a store has been filled: what a server does by itself some time after that, so that it does not do so while it is measured. */
  settle(size: number): Promise<void>;
  /** Reads all files, which the system then has in memory: a machine's disk is not what is measured. */
  warm(): Promise<void>;
  /** Stores are closed before. */
  remove(): Promise<void>;
}

/** Why an adapter cannot be measured here; null when it can. */
export function whyNot(name: AdapterName): string | null {
  return name === 'postgres' && findPostgres() === null ? 'PostgreSQL is not installed' : null;
}

export function openPlace(name: AdapterName): Promise<StorePlace> {
  return PLACES[name]();
}

const PLACES: Readonly<Record<AdapterName, () => Promise<StorePlace>>> = {
  async memory() {
    return {
      description: 'JavaScript objects in this process',
      open: () => guardRecordStore(openMemoryRecordStore()),
      settle: async () => {},
      warm: async () => {},
      remove: async () => {},
    };
  },
  async sqlite() {
    const folder = await makeFolder();
    return {
      description: `SQLite ${sqliteVersion()}, write-ahead log, synchronous=FULL, one writer thread`,
      open: (size) => guardRecordStore(openSqliteRecordStore({ file: join(folder, `${size}.sqlite`) })),
      settle: async () => {},
      warm: () => readFiles(folder),
      remove: () => removeFolder(folder),
    };
  },
  async pglite() {
    const folder = await makeFolder();
    return {
      description: 'PGlite in a folder, in this process; it does not fsync',
      open: (size) => guardRecordStore(openPgliteRecordStore({ folder: join(folder, String(size)) })),
      settle: async () => {},
      warm: () => readFiles(folder),
      remove: () => removeFolder(folder),
    };
  },
  async postgres() {
    const server = await startPostgres();
    const { url } = server;
    return {
      description: `PostgreSQL ${await ask(url, 'SHOW server_version')} as it is installed (fsync and synchronous_commit on), over loopback`,
      open: (size) => guardRecordStore(openPostgresRecordStore({ url, schema: `documents_${size}` })),
      // Autovacuum and the checkpointer would do this within minutes, in the middle of a measurement.
      settle: async () => {
        await ask(url, 'VACUUM (ANALYZE)');
        await ask(url, 'CHECKPOINT');
      },
      warm: () => readFiles(join(server.folder, 'data/base')),
      remove: server.remove,
    };
  },
};

async function ask(url: string, text: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text, rowMode: 'array' });
    return String(rows[0]?.[0] ?? '');
  } finally {
    await client.end();
  }
}

function sqliteVersion(): string {
  const database = new Database(':memory:');
  const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
  database.close();
  return version;
}

async function readFiles(folder: string): Promise<void> {
  const buffer = Buffer.alloc(1_048_576);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file may have gone meanwhile.
    const file = await open(join(entry.parentPath, entry.name), 'r').catch(() => null);
    while (file !== null && (await file.read(buffer)).bytesRead > 0);
    await file?.close();
  }
}

function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'entrepot-bench-'));
}

function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

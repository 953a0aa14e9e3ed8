import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** One published version. */
export interface Artifact {
  /** Grows with each publish. */
  readonly id: number;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly variant: string;
  /** Bytes in the order of versions. */
  readonly order: string;
  readonly prerelease: 0 | 1;
  /** SHA-256 of the blob. */
  readonly hex: string;
  readonly size: number;
  readonly media_type: string;
  /** JSON, as clients get it. */
  readonly document: string;
}

export interface HandWrittenStore {
  latest(namespace: string, name: string): Pick<Artifact, 'id' | 'document'> | undefined;
  find(...key: ArtifactKey): Pick<Artifact, 'id' | 'document'> | undefined;
  findBlob(...key: ArtifactKey): Pick<Artifact, 'hex' | 'size' | 'media_type'> | undefined;
  /** Durably, all or nothing: the version, its package and an event; false when the version is there. */
  publish(artifact: NewArtifact): Promise<boolean>;
  close(): Promise<void>;
}

export type NewArtifact = Omit<Artifact, 'id'> & { readonly at: string };

/** What the thread that writes is sent, and what it answers; its answers come in the order of the questions. */
export type WriterQuestion = NewArtifact | 'close';
export type WriterAnswer = readonly boolean[];

type ArtifactKey = [namespace: string, name: string, version: string, variant: string];

const TABLES = `
  CREATE TABLE IF NOT EXISTS artifacts (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    variant TEXT NOT NULL, "order" TEXT NOT NULL, prerelease INTEGER NOT NULL, hex TEXT NOT NULL, size INTEGER NOT NULL,
    media_type TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (namespace, name, version, variant));
  CREATE INDEX IF NOT EXISTS artifacts_latest ON artifacts (namespace, name, prerelease, "order" DESC);
  CREATE TABLE IF NOT EXISTS packages (namespace TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
    PRIMARY KEY (namespace, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, at TEXT NOT NULL, payload TEXT NOT NULL)`;

/** The tables a person would make for exactly these routes, with the settings that the registry's own file has. */
export function openTables(file: string): Database.Database {
  const database = new Database(file);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY',
  );
  database.exec(TABLES);
  return database;
}

/** Reads on this thread; what writes runs on a thread of its own, where publishes that arrive together share one fsync. */
export function openHandWrittenStore(folder: string): HandWrittenStore {
  const file = join(folder, 'hand-written.sqlite');
  const database = openTables(file);
  const byKey = 'FROM artifacts WHERE namespace = ? AND name = ? AND version = ? AND variant = ?';
  // Without the plus signs SQLite plans this statement anew each time, because of its order.
  const latest = database.prepare<[string, string], Pick<Artifact, 'id' | 'document'>>(
    'SELECT id, document FROM artifacts WHERE namespace = +? AND name = +? AND prerelease = 0 ORDER BY "order" DESC LIMIT 1',
  );
  const find = database.prepare<ArtifactKey, Pick<Artifact, 'id' | 'document'>>(`SELECT id, document ${byKey}`);
  const findBlob = database.prepare<ArtifactKey, Pick<Artifact, 'hex' | 'size' | 'media_type'>>(
    `SELECT hex, size, media_type ${byKey}`,
  );
  const writer = new Worker(new URL('./hand-written-writer.ts', import.meta.url), { workerData: file });
  const waiting: ((published: boolean) => void)[] = [];
  writer.on('message', (answer: WriterAnswer) => {
    for (const published of answer) waiting.shift()?.(published);
  });
  const ask = (question: WriterQuestion) => writer.postMessage(question);
  return {
    latest: (namespace, name) => latest.get(namespace, name),
    find: (...key) => find.get(...key),
    findBlob: (...key) => findBlob.get(...key),
    publish: (artifact) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        ask(artifact);
      }),
    async close() {
      database.close();
      const ended = new Promise((resolve) => writer.once('exit', resolve));
      ask('close');
      await ended;
    },
  };
}

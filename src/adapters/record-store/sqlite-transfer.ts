import Sqlite, { type Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type {
  DumpedRecord,
  LoadBatch,
  LoadMark,
  RecordDump,
  RecordLoad,
  RecordTransfer,
} from '../../ports/record-dump.ts';
import type { StoredEvent, StoreTables } from '../../ports/record-store.ts';
import { beginsAnew, LOAD_ENDED } from './load-rules.ts';
import { NEVER, tablesNoted } from './sql-layout.ts';
import { dropTables } from './sql-migrations.ts';
import { param } from './sql-statement.ts';
import { toStoreError } from './sqlite-errors.ts';
import { prepare, type Statement, sqliteDialect } from './sqlite-statement.ts';
import { hasTable } from './sqlite-tables.ts';
import type { Transactor } from './sqlite-transaction.ts';

/** What is read at a time. */
const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 4_000_000;
/** In `meta`: the load that has begun and not finished, as JSON. */
const MARK = 'load';

export interface SqliteTransfer extends RecordTransfer {
  /** Ends the dumps that nobody closed. */
  closeDumps(): void;
}

/**
 * Dumps over connections of their own, which see one moment however long they read. Loads write on the caller's thread: nobody else is served from a
 * store that is being filled.
 */
export function createSqliteTransfer(
  database: Database,
  file: string,
  transactor: Transactor,
  tables: StoreTables,
): SqliteTransfer {
  const open = new Set<Database>();
  return {
    dump() {
      // A database in memory has one connection only: the moment is a copy of it.
      const connection = file === ':memory:' ? new Sqlite(database.serialize()) : new Sqlite(file, { readonly: true });
      open.add(connection);
      return dumpOf(connection, () => {
        open.delete(connection);
        connection.close();
      });
    },
    loadMark() {
      const text = readMark(database);
      return text === null ? null : parseMark(text);
    },
    async load(options) {
      await tables.up();
      const mark = transactor.write(() => {
        const found = readMark(database);
        const begins = beginsAnew(options, found === null ? null : parseMark(found), isEmpty(database));
        if (!begins) return { keep: false, result: found };
        empty(database);
        const text = JSON.stringify({ origin: options.origin, at: options.at });
        prepare(database, sql`INSERT INTO meta VALUES (${param('mark')}, ${param('text')})`).run({ mark: MARK, text });
        return { keep: true, result: text };
      });
      return createLoad(database, transactor, () => readMark(database) === mark);
    },
    closeDumps() {
      for (const connection of open) connection.close();
      open.clear();
    },
  };
}

function readMark(database: Database): string | null {
  if (!hasTable(database, 'meta')) return null;
  const text = prepare(database, sql`SELECT value FROM meta WHERE name = ${param('mark')}`).row({ mark: MARK })?.[0];
  return text === undefined ? null : String(text);
}

function parseMark(text: string): LoadMark {
  const { origin, at }: LoadMark = JSON.parse(text);
  return { origin, at };
}

const NOTHING: RecordDump = {
  sequence: 0,
  collections: [],
  events: 0,
  async *records() {},
  async *log() {},
  close() {},
};

function dumpOf(connection: Database, close: () => void): RecordDump {
  try {
    // The first read fixes the moment, and the transaction keeps it.
    connection.exec('BEGIN');
    if (!hasTable(connection, 'events')) return { ...NOTHING, close };
    const sequence = Number(prepare(connection, sql`SELECT sequence FROM state`).row({})?.[0]);
    const collections = prepare(
      connection,
      sql`SELECT collection, count(*) FROM records GROUP BY collection ORDER BY collection`,
    );
    const events = prepare(connection, sql`SELECT count(*) FROM events`);
    const read = createBatchReader(connection);
    return {
      sequence,
      collections: collections.rows({}).map(([name, count]) => ({ name: String(name), records: Number(count) })),
      events: Number(events.row({})?.[0]),
      async *records(collection) {
        for (let batch = read.records(collection, null); batch.length > 0; ) {
          yield batch;
          batch = read.records(collection, batch.at(-1)?.key ?? null);
        }
      },
      async *log() {
        for (let batch = read.events(0); batch.length > 0; ) {
          yield batch;
          batch = read.events(batch.at(-1)?.position ?? 0);
        }
      },
      close,
    };
  } catch (thrown) {
    close();
    throw toStoreError(thrown);
  }
}

/** Reads what comes after a key or a position, in batches that are small enough for memory; an empty one is the end. */
function createBatchReader(connection: Database) {
  const records = prepare(
    connection,
    sql`SELECT key, value, version, expires_at FROM records
      WHERE collection = ${param('collection')} AND key > ${param('after')} ORDER BY key LIMIT ${param('limit')}`,
  );
  const log = prepare(
    connection,
    sql`SELECT position, version, id, type, at, payload FROM events
      WHERE position > ${param('after')} ORDER BY position LIMIT ${param('limit')}`,
  );
  return {
    records: (collection: string, after: string | null) =>
      someOf(records, { collection, after: after ?? '' }, toDumped, ({ value }) => value.length),
    events: (after: number) => someOf(log, { after }, toEvent, ({ payload }) => payload.length),
  };
}

type Row = readonly (string | number | null)[];

function someOf<T>(
  statement: Statement,
  values: Readonly<Record<string, string | number>>,
  read: (row: Row) => T,
  charactersOf: (item: T) => number,
): readonly T[] {
  const found: T[] = [];
  let characters = 0;
  for (const row of statement.each({ ...values, limit: BATCH_ROWS })) {
    const item = read(row);
    found.push(item);
    characters += charactersOf(item);
    if (characters > BATCH_CHARACTERS) break;
  }
  return found;
}

function toDumped([key, value, version, expiresAt]: Row): DumpedRecord {
  return {
    key: String(key),
    value: String(value),
    version: Number(version),
    expiresAt: expiresAt === NEVER ? null : Number(expiresAt),
  };
}

function toEvent([position, version, id, type, at, payload]: Row): StoredEvent {
  return {
    position: Number(position),
    version: Number(version),
    id: String(id),
    type: String(type),
    at: String(at),
    payload: String(payload),
  };
}

function isEmpty(database: Database): boolean {
  return prepare(database, sql`SELECT 1 FROM records UNION ALL SELECT 1 FROM events LIMIT 1`).row({}) === undefined;
}

/** Takes everything out but the sequence and the position of the last event, which never go back, and lets processes that use the indexes notice that they are gone. */
function empty(database: Database): void {
  const notes = prepare(database, sql`SELECT name, value FROM meta`).rows({});
  const left = notes.flatMap(([name, value]) => tablesNoted(String(name), String(value)));
  for (const drop of dropTables(...left)) database.exec(sqliteDialect.compile(drop).sql);
  database.exec(`UPDATE state SET generation = generation + 1, last_gone = max(last_gone, coalesce((SELECT max(position) FROM events), 0));
    DELETE FROM meta WHERE name <> 'format'; DELETE FROM records; DELETE FROM events; DELETE FROM commits;`);
}

function createLoad(database: Database, transactor: Transactor, holdsMark: () => boolean): RecordLoad {
  const collections = prepare(database, sql`SELECT DISTINCT collection FROM records ORDER BY collection`);
  const read = createBatchReader(database);
  const put = prepare(
    database,
    sql`INSERT INTO records (collection, key, value, version, expires_at)
      VALUES (${param('collection')}, ${param('key')}, ${param('value')}, ${param('version')}, ${param('expiresAt')})
      ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
  );
  const remove = prepare(
    database,
    sql`DELETE FROM records WHERE collection = ${param('collection')} AND key = ${param('key')}`,
  );
  const putEvent = prepare(
    database,
    sql`INSERT OR REPLACE INTO events (position, version, id, type, at, payload)
      VALUES (${param('position')}, ${param('version')}, ${param('id')}, ${param('type')}, ${param('at')}, ${param('payload')})`,
  );
  const inside = (work: () => void): void =>
    transactor.write(() => {
      if (!holdsMark()) throw new RegistryError('CONFLICT', { message: LOAD_ENDED });
      work();
      return { keep: true, result: undefined };
    });
  return {
    collections: () => collections.rows({}).map(([name]) => String(name)),
    held: read.records,
    heldEvents: read.events,
    write: ({ puts, deletes, events }: LoadBatch) =>
      inside(() => {
        for (const { collection, key } of deletes) remove.run({ collection, key });
        for (const { expiresAt, ...record } of puts) put.run({ ...record, expiresAt: expiresAt ?? NEVER });
        for (const event of events) putEvent.run({ ...event });
      }),
    finish: (sequence) =>
      inside(() => {
        const advance = sql`UPDATE state SET sequence = max(sequence, ${param('sequence')})`;
        prepare(database, advance).run({ sequence });
        prepare(database, sql`DELETE FROM meta WHERE name = ${param('mark')}`).run({ mark: MARK });
      }),
  };
}

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
import type { StoredEvent } from '../../ports/record-store.ts';
import { beginsAnew, LOAD_ENDED } from './load-rules.ts';
import { toStoreError } from './sqlite-errors.ts';
import { layoutCollection, NEVER, tablesOf } from './sqlite-layout.ts';
import { specName } from './sqlite-layouts.ts';
import { compile, param, prepare, type Statement } from './sqlite-statement.ts';
import type { Transactor } from './sqlite-transaction.ts';

/** What is read at a time. */
const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 4_000_000;
/** In `meta`: the load that has begun and not finished, as JSON. */
const MARK = 'load';
const MARK_PARAM = param('mark');

export interface SqliteTransfer extends RecordTransfer {
  /** Ends the dumps that nobody closed. */
  closeDumps(): void;
}

/** Dumps over connections of their own, which see one moment however long they read; loads over the store's. */
export function createSqliteTransfer(database: Database, file: string, transactor: Transactor): SqliteTransfer {
  const open = new Set<Database>();
  const mark = prepare(database, sql`SELECT value FROM meta WHERE name = ${MARK_PARAM}`);
  const readMark = (): LoadMark | null => {
    const text = mark.row({ mark: MARK })?.[0];
    return text === undefined ? null : JSON.parse(String(text));
  };
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
    loadMark: readMark,
    load(options) {
      const text = transactor.write(() => {
        if (!beginsAnew(options, readMark(), isEmpty(database)))
          return { keep: false, result: mark.row({ mark: MARK }) };
        empty(database);
        const put = prepare(database, sql`INSERT OR REPLACE INTO meta VALUES (${MARK_PARAM}, ${param('value')})`);
        put.run({ mark: MARK, value: JSON.stringify({ origin: options.origin, at: options.at }) });
        return { keep: true, result: mark.row({ mark: MARK }) };
      });
      return createLoad(database, transactor, () => mark.row({ mark: MARK })?.[0] === text?.[0]);
    },
    closeDumps() {
      for (const connection of open) connection.close();
      open.clear();
    },
  };
}

function dumpOf(connection: Database, close: () => void): RecordDump {
  try {
    // The first read fixes the moment, and the transaction keeps it.
    connection.exec('BEGIN');
    const sequence = Number(prepare(connection, sql`SELECT sequence FROM state`).row({})?.[0]);
    const collections = prepare(
      connection,
      sql`SELECT collection, count(*) FROM records GROUP BY collection ORDER BY collection`,
    );
    const events = prepare(connection, sql`SELECT count(*) FROM events`);
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
      sequence,
      collections: collections.rows({}).map(([name, count]) => ({ name: String(name), records: Number(count) })),
      events: Number(events.row({})?.[0]),
      async *records(collection) {
        for (let after = ''; ; ) {
          const batch = someOf(records, { collection, after }, toDumped, ({ value }) => value.length);
          if (batch.length === 0) return;
          yield batch;
          after = batch.at(-1)?.key ?? after;
        }
      },
      async *log() {
        for (let after = 0; ; ) {
          const batch = someOf(log, { after }, toEvent, ({ payload }) => payload.length);
          if (batch.length === 0) return;
          yield batch;
          after = batch.at(-1)?.position ?? after;
        }
      },
      close,
    };
  } catch (thrown) {
    close();
    throw toStoreError(thrown);
  }
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

/** Takes everything out but the sequence, which never goes back, and lets the processes that use the indexes notice that they are gone. */
function empty(database: Database): void {
  const specs = prepare(database, sql`SELECT value FROM meta WHERE name >= ${param('from')} AND name < ${param('to')}`);
  for (const [text] of specs.rows({ from: specName(''), to: 'collection;' })) {
    const { indexes, staging } = layoutCollection(JSON.parse(String(text)));
    for (const table of [...[...indexes.values()].flatMap(tablesOf), staging]) {
      database.exec(compile(sql`DROP TABLE IF EXISTS ${sql.table(table)}`).sql);
    }
  }
  database.exec(`DELETE FROM meta WHERE name >= '${specName('')}' AND name < 'collection;';
    DELETE FROM records; DELETE FROM events; DELETE FROM commits; UPDATE state SET generation = generation + 1;`);
}

function createLoad(database: Database, transactor: Transactor, holdsMark: () => boolean): RecordLoad {
  const collections = prepare(database, sql`SELECT DISTINCT collection FROM records ORDER BY collection`);
  const held = prepare(
    database,
    sql`SELECT key, version FROM records WHERE collection = ${param('collection')} AND key > ${param('after')}
      ORDER BY key LIMIT ${param('limit')}`,
  );
  const heldEvents = prepare(
    database,
    sql`SELECT position FROM events WHERE position > ${param('after')} ORDER BY position LIMIT ${param('limit')}`,
  );
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
    held: (collection, after, limit) =>
      held
        .rows({ collection, after: after ?? '', limit })
        .map(([key, version]) => ({ key: String(key), version: Number(version) })),
    heldEvents: (after, limit) => heldEvents.rows({ after, limit }).map(([position]) => Number(position)),
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
        prepare(database, sql`DELETE FROM meta WHERE name = ${MARK_PARAM}`).run({ mark: MARK });
      }),
  };
}

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
import type { PgConnection, PgDriver, PgRow } from './postgres-driver.ts';
import { toPgStoreError } from './postgres-errors.ts';
import type { LockNames } from './postgres-locks.ts';
import { postgresDialect, statement } from './postgres-statement.ts';
import { MAX_EVENTS } from './postgres-writes.ts';
import { NEVER, tablesNoted } from './sql-layout.ts';
import { dropTables } from './sql-migrations.ts';
import { param } from './sql-statement.ts';

/** What is read at a time. */
const BATCH_ROWS = 500;
const BATCH_BYTES = 4_000_000;
/** In `meta`: the load that has begun and not finished, as JSON; and a version below which no new one lies, which a load said. */
const MARK = 'load';
export const FLOOR = 'floor';

const HAS_TABLES = statement(sql`SELECT to_regclass('events')::text`);
const NOTED = statement(sql`SELECT value FROM meta WHERE name = ${param('name')}`);
const NOTES = statement(sql`SELECT name, value FROM meta`);
const NOTE = statement(
  sql`INSERT INTO meta VALUES (${param('name')}, ${param('value')}) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
);
const FORGET = statement(sql`DELETE FROM meta WHERE name = ${param('name')}`);
const FORGET_ALL = statement(sql`DELETE FROM meta`);
const NEWEST = statement(
  sql`SELECT greatest((SELECT max(version) FROM commits), (SELECT max(version) FROM events),
    (SELECT value::bigint FROM meta WHERE name = ${sql.lit(FLOOR)}), 0)`,
);
const COLLECTIONS = statement(sql`SELECT collection, count(*) FROM records GROUP BY collection ORDER BY collection`);
const EVENT_COUNT = statement(sql`SELECT count(*) FROM events`);
const IS_EMPTY = statement(sql`SELECT (NOT EXISTS (SELECT 1 FROM records) AND NOT EXISTS (SELECT 1 FROM events))::int`);
// The sizes of values are known without reading them.
const RECORDS = statement(
  sql`SELECT key, value, version, expires_at FROM
      (SELECT key, value, version, expires_at, sum(octet_length(value)) OVER (ORDER BY key) - octet_length(value) AS before
        FROM (SELECT * FROM records WHERE collection = ${param('collection')} AND key > ${param('after')}
          ORDER BY key LIMIT ${sql.lit(BATCH_ROWS)}) AS r) AS s
    WHERE before < ${sql.lit(BATCH_BYTES)} ORDER BY key`,
);
const EVENTS = statement(
  sql`SELECT position, version, id, type, at, payload FROM
      (SELECT *, sum(octet_length(payload)) OVER (ORDER BY position) - octet_length(payload) AS before
        FROM (SELECT * FROM events WHERE position > ${param('after')} ORDER BY position LIMIT ${sql.lit(BATCH_ROWS)}) AS e) AS s
    WHERE before < ${sql.lit(BATCH_BYTES)} ORDER BY position`,
);
const PUT_RECORDS = statement(
  sql`INSERT INTO records (collection, key, value, version, expires_at)
    SELECT * FROM unnest(${param('collections')}::text[], ${param('keys')}::text[], ${param('values')}::text[],
      ${param('versions')}::bigint[], ${param('expiresAt')}::bigint[])
    ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
);
const DELETE_RECORDS = statement(
  sql`DELETE FROM records AS r USING unnest(${param('collections')}::text[], ${param('keys')}::text[]) AS d (collection, key)
    WHERE r.collection = d.collection AND r.key = d.key`,
);
const PUT_EVENTS = statement(
  sql`INSERT INTO events (position, version, id, type, at, payload)
    SELECT * FROM unnest(${param('positions')}::bigint[], ${param('versions')}::bigint[], ${param('ids')}::text[], ${param('types')}::text[],
      ${param('ats')}::text[], ${param('payloads')}::text[])
    ON CONFLICT (position) DO UPDATE SET version = excluded.version, id = excluded.id, type = excluded.type, at = excluded.at,
      payload = excluded.payload`,
);
/**
 * Above all versions that were loaded, and above those from which an event's position would not lie above all that were loaded. Counted from the
 * oldest transaction that runs: readers of the log see what lies below it.
 */
const RAISE_BASE = statement(
  sql`UPDATE state SET base = greatest(base, 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint +
    greatest(${param('version')}::bigint, (SELECT max(position) FROM events) / ${sql.lit(MAX_EVENTS)}))`,
);

export interface PgTransfer extends RecordTransfer {
  /** Ends the dumps that nobody closed. */
  closeDumps(): Promise<void>;
}

/**
 * Dumps in a transaction that sees one moment however long it reads, on a connection of its own. Where there is but one, others wait for
 * it until the dump is closed.
 */
export function createPgTransfer(
  connected: () => Promise<PgDriver>,
  tables: StoreTables,
  locks: Pick<LockNames, 'store'>,
): PgTransfer {
  const open = new Set<RecordDump>();

  async function dump(): Promise<RecordDump> {
    const { connection, end } = await holdTransaction(await connected());
    const close = async () => {
      open.delete(held);
      await end();
    };
    let held: RecordDump = { ...NOTHING, close };
    try {
      if (await hasTables(connection)) held = { ...(await dumpOf(connection)), close };
      open.add(held);
      return held;
    } catch (thrown) {
      await end();
      throw thrown;
    }
  }

  async function load(options: Parameters<RecordTransfer['load']>[0]): Promise<RecordLoad> {
    await tables.up();
    const driver = await connected();
    const mark = await transaction(driver, async (connection) => {
      // No commit is under way while it is decided, and while all goes.
      await connection.exec(`SELECT pg_advisory_xact_lock(${locks.store})`);
      const found = await noted(connection, MARK);
      const [isEmpty] = await connection.run(IS_EMPTY, {});
      const begins = beginsAnew(options, found === null ? null : parseMark(found), Number(isEmpty?.[0]) === 1);
      if (!begins && found !== null) return found;
      await empty(connection);
      const text = JSON.stringify({ origin: options.origin, at: options.at });
      await connection.run(NOTE, { name: MARK, value: text });
      return text;
    });
    return createLoad(driver, mark);
  }

  return {
    dump,
    load,
    async loadMark() {
      const driver = await connected();
      if (!(await hasTables(driver))) return null;
      const text = await noted(driver, MARK);
      return text === null ? null : parseMark(text);
    },
    async closeDumps() {
      await Promise.all([...open].map((held) => held.close()));
    },
  };
}

const NOTHING: RecordDump = {
  sequence: 0,
  collections: [],
  events: 0,
  async *records() {},
  async *log() {},
  close() {},
};

/** A connection inside a transaction that only reads, for as long as nobody ends it. */
async function holdTransaction(
  driver: PgDriver,
): Promise<{ readonly connection: PgConnection; readonly end: () => Promise<void> }> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin, reject } = Promise.withResolvers<PgConnection>();
  const session = driver.session(async (connection) => {
    // Whoever writes the backup may be slow.
    await connection.exec(
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0',
    );
    begin({ ...connection, run: (...asked) => connection.run(...asked).catch(raise) });
    await ended;
    await connection.exec('ROLLBACK');
  }, true);
  session.catch(reject);
  const connection = await begun;
  return {
    connection,
    async end() {
      end();
      // What the connection failed with, its reader was told.
      await session.catch(() => undefined);
    },
  };
}

function raise(thrown: unknown): never {
  throw toPgStoreError(thrown);
}

async function dumpOf(connection: PgConnection): Promise<RecordDump> {
  // The first statement fixes the moment.
  const [newest] = await connection.run(NEWEST, {});
  const collections = await connection.run(COLLECTIONS, {});
  const [events] = await connection.run(EVENT_COUNT, {});
  return {
    sequence: Number(newest?.[0]),
    collections: collections.map(([name, count]) => ({ name: String(name), records: Number(count) })),
    events: Number(events?.[0]),
    async *records(collection) {
      for (let batch = await readRecords(connection, collection, null); batch.length > 0; ) {
        yield batch;
        batch = await readRecords(connection, collection, batch.at(-1)?.key ?? null);
      }
    },
    async *log() {
      for (let batch = await readEvents(connection, 0); batch.length > 0; ) {
        yield batch;
        batch = await readEvents(connection, batch.at(-1)?.position ?? 0);
      }
    },
    close() {},
  };
}

type Runner = Pick<PgConnection, 'run'>;

async function readRecords(
  { run }: Runner,
  collection: string,
  after: string | null,
): Promise<readonly DumpedRecord[]> {
  return (await run(RECORDS, { collection, after: after ?? '' })).map(toDumped);
}

async function readEvents({ run }: Runner, after: number): Promise<readonly StoredEvent[]> {
  return (await run(EVENTS, { after })).map(toEvent);
}

function toDumped([key, value, version, expiresAt]: PgRow): DumpedRecord {
  const time = Number(expiresAt);
  return { key: String(key), value: String(value), version: Number(version), expiresAt: time === NEVER ? null : time };
}

/** A row of `position, version, id, type, at, payload`. */
export function toEvent([position, version, id, type, at, payload]: PgRow): StoredEvent {
  return {
    position: Number(position),
    version: Number(version),
    id: String(id),
    type: String(type),
    at: String(at),
    payload: String(payload),
  };
}

async function hasTables({ run }: Runner): Promise<boolean> {
  const [found] = await run(HAS_TABLES, {});
  return (found?.[0] ?? null) !== null;
}

async function noted({ run }: Runner, name: string): Promise<string | null> {
  const [row] = await run(NOTED, { name });
  return row === undefined ? null : String(row[0]);
}

function parseMark(text: string): LoadMark {
  const { origin, at }: LoadMark = JSON.parse(text);
  return { origin, at };
}

/** Takes everything out but what versions are counted from, and lets processes that use the indexes notice that they are gone. */
async function empty(connection: PgConnection): Promise<void> {
  const [newest] = await connection.run(NEWEST, {});
  const notes = await connection.run(NOTES, {});
  const left = notes.flatMap(([name, value]) => tablesNoted(String(name), String(value)));
  for (const drop of dropTables(...left)) await connection.exec(postgresDialect.compile(drop).sql);
  await connection.exec('TRUNCATE records, events, commits; UPDATE state SET generation = generation + 1');
  await connection.run(FORGET_ALL, {});
  await connection.run(NOTE, { name: FLOOR, value: String(Number(newest?.[0])) });
}

function transaction<T>(driver: PgDriver, work: (connection: PgConnection) => Promise<T>): Promise<T> {
  return driver.session(async (connection) => {
    await connection.exec('BEGIN');
    const result = await work(connection);
    await connection.commit();
    return result;
  }, true);
}

function createLoad(driver: PgDriver, mark: string): RecordLoad {
  const inside = (work: (connection: PgConnection) => Promise<void>): Promise<void> =>
    transaction(driver, async (connection) => {
      if ((await noted(connection, MARK)) !== mark) throw new RegistryError('CONFLICT', { message: LOAD_ENDED });
      await work(connection);
    });
  return {
    collections: async () => (await driver.run(COLLECTIONS, {})).map(([name]) => String(name)),
    held: (collection, after) => readRecords(driver, collection, after),
    heldEvents: (after) => readEvents(driver, after),
    write: ({ puts, deletes, events }: LoadBatch) =>
      inside(async (connection) => {
        if (deletes.length > 0) {
          await connection.run(DELETE_RECORDS, {
            collections: deletes.map(({ collection }) => collection),
            keys: deletes.map(({ key }) => key),
          });
        }
        if (puts.length > 0) {
          await connection.run(PUT_RECORDS, {
            collections: puts.map(({ collection }) => collection),
            keys: puts.map(({ key }) => key),
            values: puts.map(({ value }) => value),
            versions: puts.map(({ version }) => version),
            expiresAt: puts.map(({ expiresAt }) => expiresAt ?? NEVER),
          });
        }
        if (events.length > 0) {
          await connection.run(PUT_EVENTS, {
            positions: events.map(({ position }) => position),
            versions: events.map(({ version }) => version),
            ids: events.map(({ id }) => id),
            types: events.map(({ type }) => type),
            ats: events.map(({ at }) => at),
            payloads: events.map(({ payload }) => payload),
          });
        }
      }),
    finish: (sequence) =>
      inside(async (connection) => {
        const floor = Math.max(sequence, Number(await noted(connection, FLOOR)));
        await connection.run(RAISE_BASE, { version: floor });
        await connection.run(NOTE, { name: FLOOR, value: String(floor) });
        await connection.run(FORGET, { name: MARK });
      }),
  };
}

import { sql } from 'kysely';
import type { Commit, CommitResult, NewEvent, RecordPut, WriteWork } from '../../ports/record-store.ts';
import type { PgConnection } from './postgres-driver.ts';
import { encodeRow, type RowPut } from './postgres-index-writer.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import type { TouchedRow } from './postgres-locks.ts';
import type { RecordName } from './postgres-reader.ts';
import { statement } from './postgres-statement.ts';
import { type CollectionLayout, NEVER } from './sql-layout.ts';
import { param } from './sql-statement.ts';

/** Places of events in one transaction: a position is the transaction's version times this, plus the place. */
export const MAX_EVENTS = 10_000;

const PUT_RECORDS = statement(
  sql`INSERT INTO records (collection, key, value, version, expires_at)
    SELECT ${param('collection')}::text, key, value, ${param('version')}::bigint, expires_at
    FROM unnest(${param('keys')}::text[], ${param('values')}::text[], ${param('expiresAt')}::bigint[]) AS t (key, value, expires_at)
    ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
);
const DELETE_RECORDS = statement(
  sql`DELETE FROM records WHERE collection = ${param('collection')} AND key = ANY(${param('keys')}::text[])`,
);
const APPEND_EVENTS = statement(
  sql`INSERT INTO events (position, version, id, type, at, payload)
    SELECT ${param('version')}::bigint * ${sql.lit(MAX_EVENTS)} + place - 1, ${param('version')}::bigint, id, type, at, payload
    FROM unnest(${param('ids')}::text[], ${param('types')}::text[], ${param('ats')}::text[], ${param('payloads')}::text[])
      WITH ORDINALITY AS t (id, type, at, payload, place)`,
);

/** What is written at once: of one commit, or of several. */
export type Writes = Pick<Commit, 'puts' | 'deletes' | 'events'>;

/** A row that a put will have in an index. */
export interface WrittenRow extends TouchedRow, Omit<RowPut, 'isNew'> {
  readonly name: string;
}

export interface UniqueConflict {
  readonly record: RecordName;
  readonly result: CommitResult;
}

/** What is written in a transaction. Nothing is waited for inside `write` and `conflicts`: statements run in the order in which they were sent. */
export interface PgWrites {
  rowsOf(put: RecordPut): readonly WrittenRow[];
  /** What records that are to be written hold in indexes by which others may look for them. */
  rowsBefore(
    connection: PgConnection,
    written: readonly RecordName[],
  ): Promise<readonly (TouchedRow & { readonly record: RecordName })[]>;
  /** What a new record has nowhere needs no removing: `exists` says whether the store has a record, expired or not. */
  write(
    connection: PgConnection,
    writes: Writes,
    version: number,
    exists: (record: RecordName) => boolean,
  ): readonly Promise<unknown>[];
  /** Sent after all writes, so that what is replaced or deleted with them holds nothing. */
  conflicts(
    connection: PgConnection,
    puts: readonly RecordPut[],
    time: number,
  ): readonly Promise<readonly UniqueConflict[]>[];
  /** Statements of one write in a commit. */
  explain(work: WriteWork): readonly string[];
}

export function createPgWrites(layouts: PgLayouts): PgWrites {
  /** Asked for several times on the way of a commit; right as long as the collection is what it was. */
  const encoded = new WeakMap<RecordPut, { readonly layout: CollectionLayout; readonly rows: readonly WrittenRow[] }>();

  function rowsOf(put: RecordPut): readonly WrittenRow[] {
    const layout = layouts.collection(put.collection);
    const known = encoded.get(put);
    if (known?.layout === layout) return known.rows;
    const { key, expiresAt } = put;
    const rows = [...layout.indexes].flatMap(([name, index]) => {
      const row = put.rows[name];
      return row === undefined
        ? []
        : [{ index, name, key, row: encodeRow(index.spec, row), source: row, expiresAt: expiresAt ?? NEVER }];
    });
    encoded.set(put, { layout, rows });
    return rows;
  }

  return {
    rowsOf,
    async rowsBefore(connection, written) {
      const found = byCollection(written).flatMap(([collection, records]) =>
        [...layouts.collection(collection).indexes].map(async ([name, index]) => {
          if (index.spec.keys.length === 0) return [];
          const rows = await layouts.writersOf(collection).get(name)?.read(connection, keysOf(records));
          return (rows ?? []).map(({ key, row }) => ({ index, row, record: { collection, key } }));
        }),
      );
      return (await Promise.all(found)).flat();
    },
    write(connection, { puts, deletes, events }, version, exists) {
      const sent: Promise<unknown>[] = [];
      for (const [collection, records] of byCollection(deletes.filter(exists))) {
        const keys = keysOf(records);
        sent.push(connection.run(DELETE_RECORDS, { collection, keys }));
        for (const writer of layouts.writersOf(collection).values()) sent.push(...writer.delete(connection, keys));
      }
      for (const [collection, records] of byCollection(puts)) {
        sent.push(
          connection.run(PUT_RECORDS, {
            collection,
            version,
            keys: keysOf(records),
            values: records.map(({ value }) => value),
            expiresAt: records.map(({ expiresAt }) => expiresAt ?? NEVER),
          }),
        );
        const rows = records.flatMap((put) => {
          const isNew = !exists(put);
          return rowsOf(put).map((row) => ({ ...row, isNew }));
        });
        const replaced = records.filter(exists);
        for (const [name, writer] of layouts.writersOf(collection)) {
          const present = rows.filter((row) => row.name === name);
          const absent = replaced.filter(({ rows }) => rows[name] === undefined);
          sent.push(...writer.delete(connection, keysOf(absent)), ...writer.put(connection, present));
        }
      }
      if (events.length > 0) sent.push(connection.run(APPEND_EVENTS, eventValues(events, version)));
      return sent;
    },
    conflicts(connection, puts, time) {
      return byCollection(puts.filter(({ expiresAt }) => expiresAt === null || expiresAt > time)).flatMap(
        ([collection, alive]) => {
          const rows = alive.flatMap(rowsOf);
          return [...layouts.writersOf(collection)].map(async ([index, writer]) => {
            const own = rows.filter(({ name }) => name === index);
            return (await writer.conflicts(connection, own, time)).map(({ key, ...conflict }) => ({
              record: { collection, key },
              result: { ok: false, reason: 'unique', index, ...conflict } as const,
            }));
          });
        },
      );
    },
    explain(work) {
      if (work.kind === 'event') return [APPEND_EVENTS.text];
      const writers = [...layouts.writersOf(work.collection).values()];
      const record = work.kind === 'put' ? PUT_RECORDS : DELETE_RECORDS;
      return [record.text, ...writers.flatMap((writer) => writer.statements[work.kind])];
    },
  };
}

function eventValues(events: readonly NewEvent[], version: number) {
  return {
    version,
    ids: events.map(({ id }) => id),
    types: events.map(({ type }) => type),
    ats: events.map(({ at }) => at),
    payloads: events.map(({ payload }) => payload),
  };
}

/** In one order, so that those who write to the same collections come to them in it. */
function byCollection<T extends { readonly collection: string }>(
  all: readonly T[],
): readonly (readonly [string, T[]])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.collection);
    if (group === undefined) groups.set(one.collection, [one]);
    else group.push(one);
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function keysOf(records: readonly { readonly key: string }[]): readonly string[] {
  return records.map(({ key }) => key);
}

import { sql } from 'kysely';
import type {
  Check,
  CountQuery,
  IndexedRecord,
  IndexQuery,
  ListQuery,
  Page,
  ReadWork,
  StoredRecord,
} from '../../ports/record-store.ts';
import { pageFingerprint } from '../../ports/record-store.ts';
import { decodeScalar, prefixEnd } from '../../ports/scalar-text.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { PgRow } from './postgres-driver.ts';
import type { PgLayouts } from './postgres-layouts.ts';
import { createPgSearcher, type PgSearcher } from './postgres-search.ts';
import { createPgStatementCache, type PgStatement, postgresDialect, statement } from './postgres-statement.ts';
import { positionValues, selectPage } from './sql-page.ts';
import { planQuery, selectCount } from './sql-query.ts';
import { type Bindings, param } from './sql-statement.ts';

type Run = (statement: PgStatement, values: Bindings) => Promise<readonly PgRow[]>;

/** The reads of the port, each one statement, and so at one moment. `run` says where. */
export interface PgReader {
  get(run: Run, collection: string, key: string, time: number): Promise<StoredRecord | null>;
  getMany(
    run: Run,
    collection: string,
    keys: readonly string[],
    time: number,
  ): Promise<readonly (StoredRecord | null)[]>;
  list(run: Run, query: ListQuery, time: number): Promise<Page>;
  query(run: Run, query: IndexQuery, time: number): Promise<Page>;
  count(run: Run, query: CountQuery, time: number): Promise<number>;
  /** The first of the checks that does not hold at `time`. All statements are sent at once. */
  lost(run: Run, checks: readonly Check[], time: number): Promise<Check | null>;
  /** Of each of the checks whether it holds at `time`; the same. */
  holding(run: Run, checks: readonly Check[], time: number): Promise<readonly boolean[]>;
  /** Versions of records that are alive, as `collection NUL key` -> version. */
  versions(run: Run, records: readonly RecordName[], time: number): Promise<ReadonlyMap<string, number>>;
  /** The statement of such a read. */
  explain(work: ReadWork): readonly string[];
  readonly searcher: PgSearcher;
}

export interface RecordName {
  readonly collection: string;
  readonly key: string;
}

/** One text for a record's collection and key: neither holds a NUL. */
export function recordId({ collection, key }: RecordName): string {
  return `${collection}\0${key}`;
}

const ONE = statement(
  sql`SELECT key, value, version FROM records WHERE collection = ${param('collection')} AND key = ${param('key')} AND expires_at > ${param('now')}`,
);
const MANY = statement(
  sql`SELECT r.key, r.value, r.version FROM unnest(${param('keys')}::text[]) WITH ORDINALITY AS j (key, place)
    LEFT JOIN records AS r ON r.collection = ${param('collection')} AND r.key = j.key AND r.expires_at > ${param('now')} ORDER BY j.place`,
);
const VERSIONS = statement(
  sql`SELECT r.collection, r.key, r.version FROM unnest(${param('collections')}::text[], ${param('keys')}::text[]) AS j (collection, key)
    JOIN records AS r ON r.collection = j.collection AND r.key = j.key AND r.expires_at > ${param('now')}`,
);

export function createPgReader(layouts: PgLayouts): PgReader {
  const statements = createPgStatementCache();
  const searcher = createPgSearcher(layouts);

  function listStatement(isAfter: boolean, isBounded: boolean): PgStatement {
    return statements.get(`list ${isAfter} ${isBounded}`, () => {
      const lower = isAfter ? sql`key > ${param('from')}` : sql`key >= ${param('from')}`;
      const upper = isBounded ? sql`AND key < ${param('to')}` : sql``;
      return sql`SELECT key, value, version FROM records WHERE collection = ${param('collection')} AND ${lower} ${upper}
        AND expires_at > ${param('now')} ORDER BY key LIMIT ${param('limit')}`;
    });
  }

  async function list(run: Run, { collection, prefix, after, limit }: ListQuery, time: number): Promise<Page> {
    const isAfter = after !== null && compareBytes(after, prefix) >= 0;
    const to = prefixEnd(prefix);
    const from = isAfter ? after : prefix;
    const rows = await run(listStatement(isAfter, to !== null), { collection, from, to, now: time, limit: limit + 1 });
    return toPage(rows, limit);
  }

  async function query(run: Run, asked: IndexQuery, time: number): Promise<Page> {
    const { order, after, collection, limit } = asked;
    const { shape, values, source } = planQuery(layouts.index(collection, asked.index), asked.where, time, order);
    if (source === null) return { records: [], more: false };
    const orderShape = order.map(({ column, descending }) => `${descending ? '-' : '+'}${column}`).join(' ');
    const found = statements.get(`${shape} by ${orderShape} ${after === null}`, () =>
      selectPage(postgresDialect, source, order, after !== null),
    );
    // One row more tells whether there are more.
    const lookAhead = asked.wantsMore === false && after === null ? 0 : 1;
    const position = after === null ? null : positionValues(after);
    return toPage(await run(found, { ...values, ...position, collection, limit: limit + lookAhead }), limit);
  }

  async function count(run: Run, asked: CountQuery, time: number): Promise<number> {
    const { shape, values, source } = planQuery(layouts.index(asked.collection, asked.index), asked.where, time);
    if (source === null) return 0;
    const [row] = await run(
      statements.get(`${shape} count`, () => selectCount(postgresDialect, source)),
      values,
    );
    return Number(row?.[0] ?? 0);
  }

  async function versions(
    run: Run,
    records: readonly RecordName[],
    time: number,
  ): Promise<ReadonlyMap<string, number>> {
    if (records.length === 0) return new Map();
    const rows = await run(VERSIONS, {
      collections: records.map(({ collection }) => collection),
      keys: records.map(({ key }) => key),
      now: time,
    });
    return new Map(
      rows.map(([collection, key, version]) => [
        recordId({ collection: String(collection), key: String(key) }),
        Number(version),
      ]),
    );
  }

  async function holding(run: Run, checks: readonly Check[], time: number): Promise<readonly boolean[]> {
    const records = checks.filter((check) => check.kind === 'record');
    const stored = versions(run, records, time);
    const verdicts = checks.map(async (check) => {
      switch (check.kind) {
        case 'record':
          return ((await stored).get(recordId(check)) ?? null) === check.version;
        case 'list':
          return pageFingerprint(await list(run, check.query, time)) === check.fingerprint;
        case 'query':
          return pageFingerprint(await query(run, check.query, time)) === check.fingerprint;
        case 'count':
          return (await count(run, check.query, time)) === check.count;
      }
    });
    return Promise.all(verdicts);
  }

  return {
    async get(run, collection, key, time) {
      const [row] = await run(ONE, { collection, key, now: time });
      return row === undefined ? null : toRecord(row);
    },
    async getMany(run, collection, keys, time) {
      const rows = await run(MANY, { collection, keys, now: time });
      return rows.map((row) => (row[0] === null ? null : toRecord(row)));
    },
    list,
    query,
    count,
    lost: async (run, checks, time) => checks[(await holding(run, checks, time)).indexOf(false)] ?? null,
    holding,
    versions,
    searcher,
    explain(work) {
      switch (work.kind) {
        case 'get':
          return [ONE.text];
        case 'getMany':
          return [MANY.text];
        case 'list':
          return [listStatement(work.query.after !== null, prefixEnd(work.query.prefix) !== null).text];
        case 'search':
          return searcher.explain(work.query);
        case 'query': {
          const { collection, index, where, order, after } = work.query;
          const { source } = planQuery(layouts.index(collection, index), where, 0, order);
          if (source === null) return [];
          return [postgresDialect.compile(selectPage(postgresDialect, source, order, after !== null)).sql];
        }
        case 'count': {
          const { source } = planQuery(layouts.index(work.query.collection, work.query.index), work.query.where, 0);
          return source === null ? [] : [postgresDialect.compile(selectCount(postgresDialect, source)).sql];
        }
      }
    },
  };
}

function toRecord([key, value, version]: PgRow): StoredRecord {
  return { key: String(key), value: String(value), version: Number(version) };
}

function toPage(rows: readonly PgRow[], limit: number): Page {
  const records = rows.slice(0, limit).map((row): IndexedRecord => {
    const position = row.slice(3).map((text) => decodeScalar(String(text)));
    return { key: String(row[0]), value: String(row[1]), version: Number(row[2]), position };
  });
  return { records, more: rows.length > limit };
}

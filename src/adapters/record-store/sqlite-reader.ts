import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type {
  Check,
  CountQuery,
  IndexedRecord,
  IndexQuery,
  ListQuery,
  Order,
  Page,
  ReadWork,
  Scalar,
  StoredRecord,
} from '../../ports/record-store.ts';
import { pageFingerprint } from '../../ports/record-store.ts';
import { decodeScalar, prefixEnd } from '../../ports/scalar-text.ts';
import { compareBytes } from '../../shared/compare.ts';
import type { CollectionLayout, IndexLayout } from './sql-layout.ts';
import { isInOrder } from './sql-order.ts';
import { positionValues, selectPage, selectStretch } from './sql-page.ts';
import { planQuery, type Source, selectCount } from './sql-query.ts';
import { type Fragment, param } from './sql-statement.ts';
import { createKnownQueries } from './sqlite-known-queries.ts';
import { explainSearch } from './sqlite-search.ts';
import { createStatementCache, prepare, type SqliteValue, type Statement, sqliteDialect } from './sqlite-statement.ts';
import type { Transactor } from './sqlite-transaction.ts';

/** The reads of the port, each at one moment. Inside a transaction they read that transaction's moment. */
export interface SqliteReader {
  get(collection: string, key: string): StoredRecord | null;
  getMany(collection: string, keys: readonly string[]): readonly (StoredRecord | null)[];
  list(query: ListQuery): Page;
  query(query: IndexQuery): Page;
  count(query: CountQuery): number;
  /** How many records a collection has, expired ones among them. */
  size(collection: string): number;
  /** Whether what was read is so at `time`. */
  holds(check: Check, time: number): boolean;
  /** The statement of such a read. */
  explain(work: ReadWork): readonly string[];
  /** How an index is laid out; INTERNAL where there is none. */
  layoutOf(index: Pick<CountQuery, 'collection' | 'index'>): IndexLayout;
}

export function createSqliteReader(
  database: Database,
  transactor: Transactor,
  layouts: ReadonlyMap<string, CollectionLayout>,
  now: () => number,
): SqliteReader {
  const statements = createStatementCache(database);
  const knownQueries = createKnownQueries();
  const one = prepare(
    database,
    sql`SELECT key, value, version FROM records WHERE collection = ${param('collection')} AND key = ${param('key')} AND expires_at > ${param('now')}`,
  );
  const sizes = prepare(database, sql`SELECT count(*) FROM records WHERE collection = ${param('collection')}`);
  const many = prepare(
    database,
    sql`SELECT r.key, r.value, r.version FROM json_each(${param('keys')}) AS j
      LEFT JOIN records AS r ON r.collection = ${param('collection')} AND r.key = j.value AND r.expires_at > ${param('now')} ORDER BY j.key`,
  );

  function layoutOf({ collection, index }: Pick<CountQuery, 'collection' | 'index'>): IndexLayout {
    const layout = layouts.get(collection)?.indexes.get(index);
    if (layout === undefined)
      throw new RegistryError('INTERNAL', { message: `There is no index "${index}" of "${collection}"` });
    return layout;
  }

  function listStatement(isAfter: boolean, isBounded: boolean): Statement {
    return statements.get(`list ${isAfter} ${isBounded}`, () => {
      const lower = isAfter ? sql`key > ${param('from')}` : sql`key >= ${param('from')}`;
      const upper = isBounded ? sql`AND key < ${param('to')}` : sql``;
      return sql`SELECT key, value, version FROM records WHERE collection = ${param('collection')} AND ${lower} ${upper}
        AND expires_at > ${param('now')} ORDER BY key LIMIT ${param('limit')}`;
    });
  }

  function list({ collection, prefix, after, limit }: ListQuery, time: number): Page {
    const isAfter = after !== null && compareBytes(after, prefix) >= 0;
    const to = prefixEnd(prefix);
    const statement = listStatement(isAfter, to !== null);
    const from = isAfter ? after : prefix;
    const rows = statement.rows({ collection, from, to, now: time, limit: limit + 1 });
    return toPage(rows.map(toIndexedRecord), limit);
  }

  function query(asked: IndexQuery, time: number): Page {
    const layout = layoutOf(asked);
    const known = knownQueries.rows(layout, asked, time);
    if (known !== null) return toPage(known.map(toIndexedRecord), asked.limit);
    const { shape, values, source } = planQuery(layout, asked.where, time, asked.order);
    if (source === null) return { records: [], more: false };
    const { order, after, collection, limit } = asked;
    // One row more tells whether there are more.
    const lookAhead = asked.wantsMore === false && after === null ? 0 : 1;
    const orderShape = order.map(({ column, descending }) => `${descending ? '-' : '+'}${column}`).join(' ');
    const position = after === null ? null : positionValues(after);
    const read = (part: string | number, build: () => Fragment, found = 0): readonly (readonly SqliteValue[])[] => {
      const statement = statements.get(`${shape} by ${orderShape} ${part}`, build);
      return statement.rows({ ...values, ...position, collection, limit: limit + lookAhead - found });
    };
    if (after === null) {
      const statement = statements.get(`${shape} by ${orderShape} first`, () => firstPage(source, order));
      knownQueries.learn(layout, asked, statement);
      const rows = statement.rows({ ...values, collection, limit: limit + lookAhead });
      return toPage(rows.map(toIndexedRecord), limit);
    }
    if (source.spread !== null || !isInOrder(source, order)) {
      const rows = read('sorted', () => selectPage(sqliteDialect, source, order, true));
      return toPage(rows.map(toIndexedRecord), limit);
    }
    const rows = transactor.read(() => {
      const found: (readonly SqliteValue[])[] = [];
      for (let depth = order.length; depth >= 0 && found.length <= limit; depth--)
        found.push(...read(depth, () => selectStretch(sqliteDialect, source, order, depth), found.length));
      return found;
    });
    return toPage(rows.map(toIndexedRecord), limit);
  }

  function count(asked: CountQuery, time: number): number {
    const { shape, values, source } = planQuery(layoutOf(asked), asked.where, time);
    if (source === null) return 0;
    return Number(statements.get(`${shape} count`, () => selectCount(sqliteDialect, source)).row(values)?.[0] ?? 0);
  }

  function get(collection: string, key: string, time: number): StoredRecord | null {
    const row = one.rowOf(collection, key, time);
    return row === undefined ? null : toRecord(row);
  }

  function explain(work: ReadWork): readonly string[] {
    switch (work.kind) {
      case 'get':
        return [one.sql];
      case 'getMany':
        return [many.sql];
      case 'list':
        return [listStatement(work.query.after !== null, prefixEnd(work.query.prefix) !== null).sql];
      case 'search':
        return explainSearch(layoutOf(work.query), work.query);
      case 'query': {
        const { where, order } = work.query;
        const { source } = planQuery(layoutOf(work.query), where, 0, order);
        return source === null ? [] : [sqliteDialect.compile(firstPage(source, order)).sql];
      }
      case 'count': {
        const { source } = planQuery(layoutOf(work.query), work.query.where, 0);
        return source === null ? [] : [sqliteDialect.compile(selectCount(sqliteDialect, source)).sql];
      }
    }
  }

  return {
    explain,
    layoutOf,
    get: (collection, key) => get(collection, key, now()),
    getMany(collection, keys) {
      const rows = many.rows({ collection, keys, now: now() });
      return rows.map((row) => (row[0] === null ? null : toRecord(row)));
    },
    list: (asked) => list(asked, now()),
    query: (asked) => query(asked, now()),
    count: (asked) => count(asked, now()),
    size: (collection) => Number(sizes.row({ collection })?.[0] ?? 0),
    holds(check, time) {
      switch (check.kind) {
        case 'record':
          return (get(check.collection, check.key, time)?.version ?? null) === check.version;
        case 'list':
          return pageFingerprint(list(check.query, time)) === check.fingerprint;
        case 'query':
          return pageFingerprint(query(check.query, time)) === check.fingerprint;
        case 'count':
          return count(check.query, time) === check.count;
      }
    },
  };
}

function firstPage(source: Source, order: readonly Order[]): Fragment {
  return source.spread === null && isInOrder(source, order)
    ? selectStretch(sqliteDialect, source, order, -1)
    : selectPage(sqliteDialect, source, order, false);
}

function toRecord([key, value, version]: readonly SqliteValue[]): StoredRecord {
  return { key: String(key), value: String(value), version: Number(version) };
}

function toIndexedRecord(row: readonly SqliteValue[]): IndexedRecord {
  const position: Scalar[] = [];
  for (let at = 3; at < row.length; at++) position.push(decodeScalar(String(row[at])));
  return { key: String(row[0]), value: String(row[1]), version: Number(row[2]), position };
}

function toPage(found: readonly IndexedRecord[], limit: number): Page {
  return found.length > limit ? { records: found.slice(0, limit), more: true } : { records: found, more: false };
}

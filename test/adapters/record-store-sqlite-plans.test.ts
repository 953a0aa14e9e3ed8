import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIndexTables, layoutCollection } from '../../src/adapters/record-store/sql-layout.ts';
import { isInOrder } from '../../src/adapters/record-store/sql-order.ts';
import { positionValues, selectPage, selectStretch } from '../../src/adapters/record-store/sql-page.ts';
import { planQuery, selectCount } from '../../src/adapters/record-store/sql-query.ts';
import type { Fragment } from '../../src/adapters/record-store/sql-statement.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { prepare, sqliteDialect } from '../../src/adapters/record-store/sqlite-statement.ts';
import type { Filter, Order, RecordStore } from '../../src/ports/record-store.ts';
import { ITEMS, item, write } from '../conformance/record-fixture.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
let store: RecordStore;
let database: Database;

beforeAll(async () => {
  const file = join(folder.path, 'records.db');
  store = openSqliteRecordStore({ file });
  await store.migrate([ITEMS], () => ({}));
  const puts = Array.from({ length: 300 }, (_, place) =>
    item(`k${place}`, { name: `n${place % 3}`, rank: place, flag: place % 2 === 0, tags: [place % 4, 'all'] }),
  );
  await write(store, { puts });
  database = new Sqlite(file, { readonly: true });
});
afterAll(async () => {
  database.close();
  await store.close();
  folder.remove();
});

const layout = layoutCollection(ITEMS).indexes.get('items.all');

/** SQLite's plans for the statements of the query: the first page, then those after a position, then the count. */
function plansOf(where: readonly Filter[], order: readonly Order[]): readonly string[] {
  if (layout === undefined) throw new Error('The index has no layout');
  const { source, values } = planQuery(layout, where, 0, order);
  if (source === null) throw new Error('The query matches nothing');
  const after = positionValues({ values: order.map(() => 5), key: 'k5' });
  const explain = (fragment: Fragment, bound = values): string =>
    prepare(database, sql`EXPLAIN QUERY PLAN ${fragment}`)
      .rows({ ...bound, ...after, collection: 'items', limit: 10 })
      .map((row) => String(row[3]))
      .join('; ');
  const depths = Array.from({ length: order.length + 2 }, (_, place) => place - 1);
  const pages =
    source.spread === null && isInOrder(source, order)
      ? depths.map((depth) => selectStretch(sqliteDialect, source, order, depth))
      : [false, true].map((isAfter) => selectPage(sqliteDialect, source, order, isAfter));
  const counted = planQuery(layout, where, 0);
  if (counted.source === null) throw new Error('The query matches nothing');
  return [...pages.map((page) => explain(page)), explain(selectCount(sqliteDialect, counted.source), counted.values)];
}

describe('query plans', () => {
  const down = { column: 'rank', descending: true };
  const up = { column: 'rank', descending: false };
  const byName = { column: 'name', op: 'eq', value: 'n1' } as const;
  const tagged = (...values: string[]) => ({ column: 'tags', op: 'any', values }) as const;

  it.each<[string, readonly Filter[], readonly Order[], string]>([
    ['a key and its order', [byName], [down], '_k'],
    ['a key, its order and a range of it', [byName, { column: 'rank', op: 'gt', value: 3 }], [down], '_k0'],
    ['an order alone', [], [down, { column: 'name', descending: false }], '_k1'],
    ['an element and its order', [tagged('all')], [up], '_a0_k2'],
    [
      'an element among other fields',
      [tagged('all'), { column: 'flag', op: 'eq', value: true }],
      [{ column: 'name', descending: true }],
      '_a0_k3',
    ],
    ['all of two elements', [{ column: 'tags', op: 'all', values: ['all', 1] }], [up], '_a0_k2'],
  ])('use the database index for %s, and do not sort', (_, where, order, index) => {
    const plans = plansOf(where, order);
    const stretches = plans.slice(0, -1);
    for (const plan of stretches) {
      expect(plan).toContain(`${layout?.table}${index}`);
      expect(plan).not.toContain('TEMP B-TREE');
      expect(plan).toContain('SEARCH r USING INTEGER PRIMARY KEY (rowid=?)');
    }
    // Without filters the whole index fits: the first page walks along it, and a count goes over the table.
    const searches = where.length > 0 ? plans : stretches.slice(1);
    for (const plan of searches) expect(plan).not.toMatch(/SCAN s\b/);
    expect(plans[0]).not.toMatch(/SCAN s(?! USING)/);
  });

  it('walk along the keys of the records for pages of everything, and do not sort', () => {
    const [first, ...others] = plansOf([], []).slice(0, -1);
    expect(others).toHaveLength(1);
    for (const plan of [first, ...others]) {
      expect(plan).toMatch(/^SEARCH r USING INDEX sqlite_autoindex_records_1 \(collection=\?/);
      expect(plan).toContain('SEARCH s USING INTEGER PRIMARY KEY (rowid=?)');
      expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
    }
    expect(others[0]).toContain('(collection=? AND key>?)');
  });

  it('walk along the keys of an index in which few records are', async () => {
    const partial = { ...ITEMS.indexes[0]!, name: 'items.few', isPartial: true as const };
    const few = layoutCollection({ name: 'items', indexes: [partial] }).indexes.get('items.few')!;
    const memory = new Sqlite(':memory:');
    const create = (fragment: Fragment) => memory.exec(sqliteDialect.compile(fragment).sql);
    memory.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, collection, key, value, version, expires_at)');
    for (const statement of createIndexTables(few, sqliteDialect)) create(statement);
    const { source, values } = planQuery(few, [], 0, []);
    const plan = prepare(memory, sql`EXPLAIN QUERY PLAN ${selectStretch(sqliteDialect, source!, [], 0)}`)
      .rows({ ...values, ...positionValues({ values: [], key: 'k' }), collection: 'items', limit: 10 })
      .map((row) => String(row[3]));
    expect(plan[0]).toMatch(/^SEARCH s USING (COVERING )?INDEX \w+_key \(key>\?\)$/);
    expect(plan).toContain('SEARCH r USING INTEGER PRIMARY KEY (rowid=?)');
    memory.close();
  });

  it.each<[string, readonly Filter[], readonly Order[]]>([
    ['a prefix', [{ column: 'name', op: 'prefix', value: 'n' }], [up]],
    ['an order that is not the key’s', [byName], [{ column: 'flag', descending: true }]],
    ['an element that has no key', [{ column: 'marks', op: 'any', values: [1] }], [up]],
  ])('search for %s and sort only what was found', (_, where, order) => {
    for (const plan of plansOf(where, order)) expect(plan).not.toMatch(/SCAN s\b/);
  });

  it.each<[string, readonly Filter[], readonly Order[], string | null]>([
    ['one of several values', [{ column: 'name', op: 'in', values: ['n1', 'n2', 'n3'] }], [down], '_k0'],
    ['one of several elements', [tagged('all', 'none')], [up], '_a0_k2'],
    ['one of several elements by key', [tagged('all', 'none')], [], null],
  ])('look up value by value for %s, and sort only the first rows of each', (_, where, order, index) => {
    for (const plan of plansOf(where, order).slice(0, -1)) {
      const walks = [...plan.matchAll(/(SEARCH|SCAN) s\b[^;]*/g)].map(([text]) => text);
      expect(walks.length).toBeGreaterThan(1);
      const used = index === null ? 'PRIMARY KEY' : `COVERING INDEX ${layout?.table}${index}`;
      for (const walk of walks) expect(walk).toMatch(/^SEARCH s USING (COVERING INDEX|PRIMARY KEY)/);
      expect(plan).toContain(`${used} (`);
      // One for what is there several times, one for the order.
      expect(plan.match(/TEMP B-TREE/g)?.length).toBeLessThanOrEqual(3);
      expect(plan).toContain('SEARCH r USING INTEGER PRIMARY KEY (rowid=?)');
    }
  });

  it.each([
    [down, '<', '>'],
    [up, '>', '<'],
  ])('begin a walk at the position, not at the range of the same column: %j', (order, beyond, other) => {
    const range = [
      { column: 'rank', op: 'gt', value: 3 },
      { column: 'rank', op: 'lt', value: 250 },
    ] as const;
    const { source } = planQuery(layout!, [byName, ...range], 0, [order]);
    const column = String.raw`"s"\."c\d"`;
    const bounds = (depth: number) =>
      [
        ...prepare(database, selectStretch(sqliteDialect, source!, [order], depth)).sql.matchAll(
          new RegExp(`(\\+?)${column} ([<>])=? \\+\\?`, 'g'),
        ),
      ].map(([, looked = '', operator]) => `${looked}${operator}`);
    // Each range has a bound on both sides, that of its type among them; SQLite seeks by the first it may.
    expect(bounds(-1).toSorted()).toEqual(['<', '<', '>', '>']);
    expect(bounds(0).toSorted()).toEqual([`+${beyond}`, `+${beyond}`, beyond, other, other].toSorted());
    expect(bounds(1)).not.toContain(`+${beyond}`);
  });

  it('are made once: no value is looked at, so that none makes SQLite plan again', () => {
    const { source } = planQuery(layout!, [byName, { column: 'rank', op: 'gt', value: 3 }, tagged('all')], 0);
    const statements = [
      selectStretch(sqliteDialect, source!, [down], -1),
      selectStretch(sqliteDialect, source!, [down], 1),
      selectCount(sqliteDialect, source!),
    ];
    for (const statement of statements) {
      const text = prepare(database, statement).sql;
      expect(text).toContain('+?');
      expect(text).not.toMatch(/(?<!\+)\?/);
    }
  });

  it('search for keys', () => {
    const plan = (text: string) =>
      prepare(database, sql`EXPLAIN QUERY PLAN ${sql.raw(text)}`)
        .rows({})
        .map((row) => String(row[3]))
        .join('; ');
    const list = `SELECT key, value FROM records WHERE collection = 'c' AND key >= 'a' AND key < 'b' AND expires_at > 5 ORDER BY key LIMIT 9`;
    expect(plan(list)).toMatch(/^SEARCH records USING INDEX \w+ \(collection=\? AND key>\? AND key<\?\)$/);
  });

  it('search for what has expired', () => {
    const plan = prepare(
      database,
      sql`EXPLAIN QUERY PLAN SELECT collection, key FROM records WHERE expires_at <= ${sql.lit(5)} AND expires_at < ${sql.lit(Number.MAX_SAFE_INTEGER)}`,
    ).rows({});
    expect(String(plan[0]?.[3])).toContain('records_expiring');
  });
});

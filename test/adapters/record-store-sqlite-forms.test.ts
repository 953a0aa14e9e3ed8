import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { expect, it } from 'vitest';
import { layoutCollection, storedLayout, tablesOf } from '../../src/adapters/record-store/sql-layout.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import type { IndexRows } from '../../src/ports/record-store.ts';
import { ITEMS, item, itemQuery, itemRow, keysOf, write } from '../conformance/record-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NAMED = {
  where: [{ column: 'name', op: 'eq', value: 'n' }],
  order: [{ column: 'rank', descending: true }],
} as const;

/** Ranks follow from keys, as `project` is to find out. */
function rowsOf(key: string): IndexRows {
  return { 'items.all': itemRow({ name: 'n', rank: Number(key.slice(1)), tags: ['t'] }) };
}

/** Turns a file into what the first form of the tables was: records without numbers, index rows without those, other names. */
function makeOld(file: string): readonly string[] {
  const database = new Sqlite(file);
  const old = storedLayout(JSON.stringify({ name: ITEMS.name, indexes: ITEMS.indexes }));
  const tables = [...old.indexes.values()].flatMap(tablesOf);
  database.exec(`DELETE FROM engine_migrations WHERE name = '0003_record_ids';
    CREATE TABLE old AS SELECT collection, key, value, version, expires_at FROM records ORDER BY key DESC;
    DROP TABLE records;
    CREATE TABLE records (collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, UNIQUE (collection, key));
    INSERT INTO records SELECT * FROM old;
    DROP TABLE old`);
  for (const index of layoutCollection(ITEMS).indexes.values())
    for (const table of tablesOf(index)) database.exec(`DROP TABLE ${table}`);
  for (const table of tables)
    database.exec(`CREATE TABLE ${table} (key TEXT PRIMARY KEY, expires_at INTEGER) WITHOUT ROWID`);
  database.prepare(`UPDATE meta SET value = ? WHERE name = 'collection:items'`).run(old.text);
  database.close();
  return tables;
}

function tableNames(database: Database): readonly unknown[] {
  return database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
}

it('a file whose records have no numbers gets them, and its indexes anew', async () => {
  const file = join(temporaryFolder(), 'records.sqlite');
  const first = openSqliteRecordStore({ file });
  await first.migrate([ITEMS], () => ({}));
  const puts = Array.from({ length: 30 }, (_, place) => ({ ...item(`k${place}`), rows: rowsOf(`k${place}`) }));
  const version = await write(first, { puts });
  await first.tables?.down();
  await first.close();
  const old = makeOld(file);

  const store = openSqliteRecordStore({ file });
  await store.migrate([ITEMS], (_, key) => rowsOf(key));
  const newest = itemQuery({ ...NAMED, limit: 3 });
  const page = await store.query(newest);
  expect(keysOf(page)).toEqual(['k29', 'k28', 'k27']);
  expect(page.records[0]).toMatchObject({ value: '{"key":"k29"}', version });
  await write(store, {
    puts: [{ ...item('k40'), rows: rowsOf('k40') }],
    deletes: [{ collection: 'items', key: 'k29' }],
  });
  expect(keysOf(await store.query(newest))).toEqual(['k40', 'k28', 'k27']);
  await store.close();

  const database = new Sqlite(file);
  expect(tableNames(database).filter((name) => old.includes(String(name)))).toEqual([]);
  // Numbers last, so that rows of indexes name the same records afterwards.
  database.exec("DELETE FROM records WHERE key = 'k3'; VACUUM");
  database.close();
  const again = openSqliteRecordStore({ file });
  await again.migrate([ITEMS], () => ({}));
  expect(keysOf(await again.query(newest))).toEqual(['k40', 'k28', 'k27']);
  await again.close();
});

it('a log of before keeps its events, their positions and the commits that are remembered', async () => {
  const file = join(temporaryFolder(), 'records.sqlite');
  const event = (id: string) => ({ id, type: 't', at: '2026-01-01T00:00:00.000Z', payload: '{}' });
  const commit = (id: string) => ({ id, checks: [], puts: [], deletes: [], events: [event(`${id} first`), event(id)] });
  const first = openSqliteRecordStore({ file });
  await first.migrate([ITEMS], () => ({}));
  for (const id of ['c', 'a', 'b']) await first.commit(commit(id));
  await first.tables?.down();
  await first.close();

  const before = new Sqlite(file);
  // What a release of before gave, and what was taken away then.
  before.exec(
    `INSERT INTO events (version, id, type, at, payload) VALUES (4, 'gone', 't', '', ''); DELETE FROM events WHERE position = 7`,
  );
  before.close();
  const store = openSqliteRecordStore({ file });
  await store.migrate([ITEMS], () => ({}));
  expect(await store.outcome('a')).toBe(2);
  expect(await store.commit(commit('c'))).toEqual({ ok: true, version: 1 });
  await store.commit(commit('d'));
  const log = await store.events(0, 100);
  expect(log.map(({ position, id }) => [position, id])).toEqual([
    [1, 'c first'],
    [2, 'c'],
    [3, 'a first'],
    [4, 'a'],
    [5, 'b first'],
    [6, 'b'],
    [8, 'd first'],
    [9, 'd'],
  ]);
  await store.close();

  const after = new Sqlite(file);
  expect(after.prepare('SELECT id FROM commits ORDER BY version').pluck().all()).toEqual(['c', 'a', 'b', 'd']);
  after.close();
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { openDatabase, requireSqlite } from '../../src/adapters/record-store/sqlite-database.ts';
import { createSqliteTables } from '../../src/adapters/record-store/sqlite-tables.ts';
import { createSqliteWriter } from '../../src/adapters/record-store/sqlite-writer.ts';
import { commitOf, ITEMS, item, PLAIN, write } from '../conformance/record-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const failure = (message: RegExp, code = 'STORE_FAILURE') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('an SQLite store', () => {
  it('refuses an SQLite whose log is not safe', () => {
    for (const old of ['3.51.2', '3.50.99', '3.6.23.1', '2.99.99'])
      expect(() => requireSqlite(old)).toThrow(failure(/too old/));
    for (const good of ['3.51.3', '3.52.0', '3.100.0', '4.0.0']) expect(() => requireSqlite(good)).not.toThrow();
  });

  it('refuses a file of a newer release and leaves it as it is', async () => {
    const file = join(temporaryFolder(), 'records.db');
    const store = openSqliteRecordStore({ file });
    await store.migrate([PLAIN], () => ({}));
    await store.close();
    const database = new Sqlite(file);
    database.exec(`INSERT INTO engine_migrations VALUES ('9999_later', '2099-01-01T00:00:00Z')`);
    expect(() => openSqliteRecordStore({ file })).toThrow(failure(/newer release \(it has the migration 9999_later\)/));
    database.exec(`DELETE FROM engine_migrations WHERE name = '9999_later'`);
    database.exec(`UPDATE meta SET value = '2' WHERE name = 'format'`);
    expect(() => openSqliteRecordStore({ file })).toThrow(failure(/newer release \(format 2; this one knows 1\)/));
    expect(database.prepare(`SELECT value FROM meta WHERE name = 'format'`).pluck().get()).toBe('2');
    database.close();
  });

  it('refuses the database of another program, and what is no database', () => {
    const folder = temporaryFolder();
    const foreign = join(folder, 'foreign.db');
    const database = new Sqlite(foreign);
    database.exec('CREATE TABLE theirs (x)');
    database.close();
    expect(() => openSqliteRecordStore({ file: foreign })).toThrow(failure(/another program/));
    const text = join(folder, 'text.db');
    writeFileSync(text, 'This is not a database, and it is long enough to be read as the header of one. '.repeat(20));
    expect(() => openSqliteRecordStore({ file: text })).toThrow(expect.objectContaining({ code: 'STORE_FAILURE' }));
  });

  it('says STORE_FAILURE when the write lock is not to be had in time, and works again afterwards', async () => {
    const file = join(temporaryFolder(), 'records.db');
    const store = guardRecordStore(openSqliteRecordStore({ file, busyTimeoutMs: 50 }));
    await store.migrate([ITEMS, PLAIN], () => ({}));
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    const startedAt = performance.now();
    await expect(store.commit(commitOf({ puts: [item('a')] }))).rejects.toEqual(failure(/busy/));
    expect(performance.now() - startedAt).toBeGreaterThan(40);
    // Neither reads nor commits that only check need the lock.
    expect(await store.get('items', 'a')).toBeNull();
    const absent = { kind: 'record', collection: 'items', key: 'a', version: null } as const;
    expect(await store.commit(commitOf({ checks: [absent] }))).toMatchObject({ ok: true });
    other.exec('ROLLBACK');
    expect(await write(store, { puts: [item('a')] })).toBe(1);
    other.close();
    await store.close();
  });

  it('says STORE_FULL to the commit that does not fit, keeps all others of its group, and works again when there is room', async () => {
    const database = openDatabase(join(temporaryFolder(), 'records.db'), 100);
    await createSqliteTables(database, 100).up();
    const writer = createSqliteWriter(database);
    const done = writer.migrateNext(PLAIN, '', 0);
    expect(done).toBe('done');
    writer.reload([PLAIN]);
    const put = (key: string, length: number) => ({
      time: 0,
      commit: commitOf({ puts: [{ ...item(key), collection: PLAIN.name, rows: {}, value: 'x'.repeat(length) }] }),
    });
    const codes = (...commits: ReturnType<typeof put>[]) =>
      writer
        .commitAll(commits)
        .map((outcome) => ('error' in outcome ? outcome.error.code : outcome.value.ok ? outcome.value.version : 'no'));
    const keys = () => database.prepare('SELECT key FROM records ORDER BY key').pluck().all();
    expect(codes(put('a', 10))).toEqual([1]);
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages + 2}`);
    expect(codes(put('b', 10), put('c', 500_000), put('d', 10))).toEqual([2, 'STORE_FULL', 3]);
    expect(database.inTransaction).toBe(false);
    expect(keys()).toEqual(['a', 'b', 'd']);
    database.pragma(`max_page_count = ${pages + 1000}`);
    expect(codes(put('c', 500_000), put('e', 10))).toEqual([4, 5]);
    expect(keys()).toEqual(['a', 'b', 'c', 'd', 'e']);
    database.close();
  });

  it('answers reads and commits without a promise', async () => {
    const store = guardRecordStore(openSqliteRecordStore({ file: ':memory:' }));
    await store.migrate([ITEMS, PLAIN], () => ({}));
    for (const answer of [
      store.commit(commitOf({ puts: [item('a')] })),
      store.get('items', 'a'),
      store.getMany('items', ['a']),
      store.list({ collection: 'items', prefix: '', after: null, limit: 1 }),
      store.count({ collection: 'items', index: 'items.all', where: [] }),
      store.sequence(),
      store.events(0, 1),
      store.outcome('x'),
      store.sweepExpired(1),
    ]) {
      expect(answer).not.toBeInstanceOf(Promise);
    }
    await store.close();
  });
});

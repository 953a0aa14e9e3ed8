import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import type { CollectionSpec } from '../../src/ports/record-store.ts';
import { ITEMS, item, itemRow, write } from '../conformance/record-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('leaves no table of an index behind when a store is emptied: of those in use, searched, and not declared any more', async () => {
  const file = join(temporaryFolder(), 'records.db');
  const store = openSqliteRecordStore({ file });
  onTestFinished(async () => store.close());
  const [all, claims] = ITEMS.indexes;
  const searched: CollectionSpec = {
    name: 'items',
    indexes: [{ ...all!, text: [{ column: 'name', weight: 1 }] }, claims!],
  };
  const project = () => ({ 'items.all': itemRow({ name: 'n', tags: ['t'] }) });
  await store.migrate([searched], project);
  await write(store, { puts: [item('a', { name: 'some words', tags: ['t'] })] });
  await store.migrate([{ name: 'items', indexes: [searched.indexes[0]!] }], project);
  const tables = () => {
    const database = new Sqlite(file, { readonly: true });
    const names = database.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
    database.close();
    return names.filter((name) => !name.startsWith('sqlite_')).sort();
  };
  expect(tables().length).toBeGreaterThan(10);
  await store.load({ origin: 'the test', at: '2026-01-02T03:04:05.006Z', replace: true });
  expect(tables()).toEqual(
    ['commits', 'engine_migration_lock', 'engine_migrations', 'events', 'meta', 'records', 'state'].sort(),
  );
});

import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { layoutCollection } from '../../src/adapters/record-store/sql-layout.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { openCheckpointer } from '../../src/adapters/record-store/sqlite-checkpoint.ts';
import { CHECKPOINT_PAGES, openDatabase } from '../../src/adapters/record-store/sqlite-database.ts';
import { createSqliteWriter } from '../../src/adapters/record-store/sqlite-writer.ts';
import type { CollectionSpec, Commit } from '../../src/ports/record-store.ts';
import { claim, commitOf, ITEMS, item, reasonOf } from '../conformance/record-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TEXTS: CollectionSpec = {
  name: 'texts',
  indexes: [
    {
      name: 'texts.all',
      columns: [],
      arrays: [],
      text: [{ column: 'body', weight: 1 }],
      keys: [],
      revision: '1',
    },
  ],
};

/** The writer of a new file that has these collections. */
async function writerOf(...specs: readonly CollectionSpec[]) {
  const file = join(temporaryFolder(), 'records.sqlite');
  const store = openSqliteRecordStore({ file });
  await store.migrate(specs, () => ({}));
  await store.close();
  const database = openDatabase(file, 5000);
  const writer = createSqliteWriter(database);
  const together = (...commits: readonly Commit[]) =>
    writer
      .commitAll(commits.map((commit) => ({ commit, time: 1 })))
      .map((outcome) => ('error' in outcome ? outcome.error.code : reasonOf(outcome.value)));
  const count = (table: string): unknown => database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get();
  return { file, database, together, count };
}

it('a commit that has to be undone after it wrote, and one that fails, leave the others of their transaction as they are', async () => {
  const { database, together, count } = await writerOf(ITEMS);
  // The event has a type that the table takes for none.
  const failing = { id: 'e', type: null as unknown as string, at: 'now', payload: '{}' };
  const outcomes = together(
    commitOf({ puts: [claim('a', { owner: 'o', slot: 1 })] }),
    commitOf({ puts: [item('x'), claim('b', { owner: 'o', slot: 1 })] }),
    commitOf({ checks: [{ kind: 'record', collection: 'items', key: 'a', version: null }], puts: [item('y')] }),
    commitOf({ puts: [item('z')], events: [failing] }),
    commitOf({ puts: [claim('c', { owner: 'o', slot: 2 })] }),
  );
  expect(outcomes).toEqual(['ok', 'unique items.claims one_per_slot a', 'check record', 'STORE_FAILURE', 'ok']);
  const keys = database.prepare('SELECT key, version FROM records ORDER BY key').raw().all();
  expect(keys).toEqual([
    ['a', 1],
    ['c', 2],
  ]);
  expect([count('commits'), count('events')]).toEqual([2, 0]);
  const claims = layoutCollection(ITEMS).indexes.get('items.claims')?.table ?? '';
  expect(count(claims)).toBe(2);
  database.close();
});

it('a commit that is refused before it wrote costs the others nothing, and a repeated one has its version', async () => {
  const { database, together } = await writerOf(ITEMS);
  const first = commitOf({ puts: [item('a')] });
  const lost = commitOf({ checks: [{ kind: 'record', collection: 'items', key: 'a', version: 7 }], puts: [item('b')] });
  expect(together(first, lost, first, commitOf({ puts: [item('c')] }))).toEqual(['ok', 'check record', 'ok', 'ok']);
  expect(database.prepare('SELECT key, version FROM records ORDER BY key').raw().all()).toEqual([
    ['a', 1],
    ['c', 2],
  ]);
  database.close();
});

it('the texts of commits that share a transaction are written to the text index at once', async () => {
  const { database, together, count } = await writerOf(TEXTS);
  const terms = `${layoutCollection(TEXTS).indexes.get('texts.all')?.search?.terms}_data`;
  const before = Number(count(terms));
  const put = (place: number) => ({
    ...item(`t${place}`),
    collection: 'texts',
    rows: { 'texts.all': { body: `word${place} common` } },
  });
  const outcomes = together(...Array.from({ length: 12 }, (_, place) => commitOf({ puts: [put(place)] })));
  expect(new Set(outcomes)).toEqual(new Set(['ok']));
  // One segment, where each commit for itself would leave one until they are merged.
  expect(Number(count(terms)) - before).toBe(1);
  database.close();
});

it('a long log is copied back by a thread, the rest by the writer, and is then written from its beginning', async () => {
  const { file, database } = await writerOf();
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE filler (data BLOB)');
  const fill = database.prepare('INSERT INTO filler VALUES (zeroblob(?))');
  const log = (): readonly number[] => {
    const [, pages = 0, copied = 0] = database.prepare<[], number[]>('PRAGMA wal_checkpoint(NOOP)').raw().get() ?? [];
    return [pages, copied];
  };
  const checkpointer = openCheckpointer(database, { file, busyTimeoutMs: 5000 });
  fill.run(100);
  checkpointer.look();
  expect(log()[1]).toBe(0);
  fill.run(CHECKPOINT_PAGES * 4096);
  checkpointer.look();
  await expect.poll(() => log()[1], { timeout: 30_000 }).toBe(log()[0]);

  fill.run(100);
  const [pages = 0, copied = 0] = log();
  expect(pages).toBeGreaterThan(copied);
  // The thread may need a moment more to say that it is done.
  await expect
    .poll(
      () => {
        checkpointer.look();
        return log()[1];
      },
      { timeout: 30_000 },
    )
    .toBe(pages);
  fill.run(100);
  expect(log()[0]).toBeLessThan(100);
  await checkpointer.close();

  // The file alone has everything.
  database.close();
  const alone = new Sqlite(file, { readonly: true });
  expect(alone.prepare('SELECT count(*) FROM filler').pluck().get()).toBe(4);
  alone.close();
});

it('a log that the thread does not keep up with is copied by the writer', async () => {
  const { file, database } = await writerOf();
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE filler (data BLOB)');
  database.prepare('INSERT INTO filler VALUES (zeroblob(?))').run(4 * (CHECKPOINT_PAGES + 1) * 4096);
  const checkpointer = openCheckpointer(database, { file, busyTimeoutMs: 5000 });
  checkpointer.look();
  const [, pages, copied] = database.prepare<[], number[]>('PRAGMA wal_checkpoint(NOOP)').raw().get() ?? [];
  expect(copied).toBe(pages);
  await checkpointer.close();
  database.close();
});

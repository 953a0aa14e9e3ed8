import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { layoutCollection } from '../../src/adapters/record-store/sql-layout.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { LONG_LOG_PAGES, MOST_PAGES, openCheckpointer } from '../../src/adapters/record-store/sqlite-checkpoint.ts';
import { openDatabase } from '../../src/adapters/record-store/sqlite-database.ts';
import { MOST_WAITING } from '../../src/adapters/record-store/sqlite-waiting-texts.ts';
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
  const timed = (commits: readonly Commit[]) => commits.map((commit) => ({ commit, time: 1 }));
  const joined = (commits: readonly Commit[], more: () => readonly Commit[]) =>
    writer
      .commitAll(timed(commits), () => timed(more()))
      .map((outcome) => ('error' in outcome ? outcome.error.code : reasonOf(outcome.value)));
  const together = (...commits: readonly Commit[]) => joined(commits, () => []);
  const count = (table: string): unknown => database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get();
  return { file, database, writer, together, joined, count };
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

it('commits that arrive while a transaction is made join it, and one of them that has to be undone leaves the others', async () => {
  const { file, database, joined } = await writerOf(ITEMS);
  const other = openDatabase(file, 5000);
  const arriving = [
    [commitOf({ puts: [claim('b', { owner: 'o', slot: 2 })] })],
    [commitOf({ puts: [claim('c', { owner: 'o', slot: 1 })] }), commitOf({ puts: [item('d')] })],
  ];
  const seen: unknown[] = [];
  const outcomes = joined([commitOf({ puts: [claim('a', { owner: 'o', slot: 1 })] })], () => {
    seen.push(other.prepare('SELECT count(*) FROM records').pluck().get());
    return arriving.shift() ?? [];
  });
  expect(outcomes).toEqual(['ok', 'ok', 'unique items.claims one_per_slot a', 'ok']);
  // Asked until there are none, once more when all is written, and nothing is to be seen before the end.
  expect(seen).toEqual([0, 0, 0, 0]);
  expect(database.prepare('SELECT key, version FROM records ORDER BY key').raw().all()).toEqual([
    ['a', 1],
    ['b', 2],
    ['d', 3],
  ]);
  other.close();
  database.close();
});

it('commits of one transaction see what those before them wrote, though it is written together at the end', async () => {
  const { database, together, count } = await writerOf(ITEMS);
  const ranked = (rank: number) => ({
    collection: 'items',
    index: 'items.all',
    where: [{ column: 'rank', op: 'eq', value: rank } as const],
  });
  const holding = (rank: number, found: number, key: string) =>
    commitOf({
      checks: [{ kind: 'count', query: ranked(rank), count: found }],
      puts: [item(key, { rank, tags: ['t', 'u'] })],
    });
  const repeated = holding(1, 1, 'b');
  const outcomes = together(
    holding(1, 0, 'a'),
    repeated,
    holding(1, 1, 'lost'),
    repeated,
    commitOf({ puts: [item('a', { rank: 2, tags: ['v'] })] }),
    holding(1, 1, 'c'),
    commitOf({ deletes: [{ collection: 'items', key: 'b' }] }),
    holding(1, 1, 'd'),
    ...Array.from({ length: 22 }, (_, place) => holding(3, place, `e${place}`)),
  );
  expect(outcomes).toEqual(outcomes.map((_, place) => (place === 2 ? 'check count' : 'ok')));
  expect(count('commits')).toBe(28);
  expect(database.prepare('SELECT sequence FROM state').pluck().get()).toBe(28);
  const layout = layoutCollection(ITEMS).indexes.get('items.all');
  // All but "b" and what was refused: a, c, d and the 22.
  expect(count(layout?.table ?? '')).toBe(25);
  expect(count(layout?.sides.get('tags') ?? '')).toBe(1 + 24 * 2);
  database.close();
});

it('many new records of one transaction have all their rows, in the indexes and in the log', async () => {
  const { database, together, count } = await writerOf(ITEMS);
  const event = (id: number) => ({ id: `e${id}`, type: 'put', at: 'now', payload: '{}' });
  const commits = Array.from({ length: 63 }, (_, place) =>
    commitOf({ puts: [item(`k${place}`, { rank: place, tags: [place % 5, 'all'] })], events: [event(place)] }),
  );
  expect(new Set(together(...commits))).toEqual(new Set(['ok']));
  const layout = layoutCollection(ITEMS).indexes.get('items.all');
  expect([count(layout?.table ?? ''), count(layout?.sides.get('tags') ?? '')]).toEqual([63, 126]);
  const log = database.prepare('SELECT position, version, id FROM events ORDER BY position').raw().all();
  expect(log).toEqual(commits.map((_, place) => [place + 1, place + 1, `e${place}`]));
  expect(database.prepare('SELECT version, id FROM commits ORDER BY version').raw().all()).toEqual(
    commits.map(({ id }, place) => [place + 1, id]),
  );
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
});

/** A commit of one record that is found by the words. */
function textCommit(key: string, body: string): Commit {
  return commitOf({ puts: [{ ...item(key), collection: 'texts', rows: { 'texts.all': { body } } }] });
}

it('texts wait until there are enough of them, and are then written to the text index at once', async () => {
  const { database, together, count } = await writerOf(TEXTS);
  const search = layoutCollection(TEXTS).indexes.get('texts.all')?.search;
  const waiting = () => Number(count(search?.waiting ?? ''));
  const segments = () => Number(count(`${search?.terms}_data`));
  const before = segments();
  const put = (from: number, most: number) =>
    together(
      ...Array.from({ length: most }, (_, place) => textCommit(`t${from + place}`, `word${from + place} common`)),
    );
  put(0, 12);
  put(12, MOST_WAITING - 13);
  expect([waiting(), segments() - before]).toEqual([MOST_WAITING - 1, 0]);
  put(MOST_WAITING - 1, 3);
  // One segment, where each commit for itself would leave one until they are merged.
  expect([waiting(), segments() - before]).toEqual([0, 1]);
  // So many at once wait for nothing, nor does one that is large.
  put(100, MOST_WAITING);
  expect(waiting()).toBe(0);
  const words = Array.from({ length: 900 }, (_, place) => `w${place}`).join(' ');
  together(textCommit('large', words), textCommit('small', 'common'));
  expect(waiting()).toBe(1);
  const found = (match: string) =>
    database.prepare(`SELECT count(*) FROM "${search?.terms}" WHERE "${search?.terms}" MATCH ?`).pluck().get(match);
  expect([found('common'), found('w899')]).toEqual([MOST_WAITING * 2 + 2, 1]);
  // What waits goes with its record.
  together(commitOf({ deletes: [{ collection: 'texts', key: 'small' }] }));
  expect(waiting()).toBe(0);
  database.close();
});

it('a record that is written again, and whose indexed values are as they were, costs its indexes nothing', async () => {
  const { database, together } = await writerOf(ITEMS, TEXTS);
  const values = { name: 'n', rank: 1, tags: ['t', 'u'], marks: [1] };
  const text = (value: string) => ({
    ...item('t'),
    value,
    collection: 'texts',
    rows: { 'texts.all': { body: 'some words' } },
  });
  together(commitOf({ puts: [item('a', values), text('1')] }));
  const changes = () => Number(database.prepare('SELECT total_changes()').pluck().get());
  const before = changes();
  expect(together(commitOf({ puts: [{ ...item('a', values), value: '2' }, text('2')] }))).toEqual(['ok']);
  // Two records, the commit's id and the sequence.
  expect(changes() - before).toBe(4);
  together(commitOf({ puts: [item('a', { ...values, tags: ['u', 'v'] })] }));
  const tags = layoutCollection(ITEMS).indexes.get('items.all')?.sides.get('tags');
  expect(database.prepare(`SELECT count(*) FROM "${tags}"`).pluck().get()).toBe(2);
  database.close();
});

it('commit ids are forgotten after an hour, whatever their order', async () => {
  const { database, writer, count } = await writerOf();
  const event = { id: 'e', type: 't', at: 'now', payload: '' };
  const commit = (at: number, time: number) => ({
    commit: { ...commitOf({ events: [event] }), id: `${(at * 7919) % 1000}` },
    time,
  });
  writer.commitAll(Array.from({ length: 500 }, (_, at) => commit(at, 1)));
  expect(count('commits')).toBe(500);
  for (let at = 500; at < 800; at += 4) writer.commitAll([0, 1, 2, 3].map((more) => commit(at + more, 3_600_002)));
  const old = database.prepare('SELECT count(*) FROM commits WHERE at = 1').pluck().get();
  // A round takes half as many commits as there are ids.
  expect([old, count('commits')]).toEqual([0, 300]);
  database.close();
});

it('words of a commit that was undone are written when they come again', async () => {
  const { database, together, count } = await writerOf(TEXTS);
  const words = layoutCollection(TEXTS).indexes.get('texts.all')?.search?.words ?? '';
  const put = (key: string) => ({ ...item(key), collection: 'texts', rows: { 'texts.all': { body: 'fresh words' } } });
  const failing = { id: 'e', type: null as unknown as string, at: 'now', payload: '{}' };
  const undone = commitOf({ puts: [put('a')], events: [failing] });
  expect(together(undone)).toEqual(['STORE_FAILURE']);
  expect(count(words)).toBe(0);
  expect(together(undone, commitOf({ puts: [put('b')] }))).toEqual(['STORE_FAILURE', 'ok']);
  expect(count(words)).toBe(2);
  expect(together(commitOf({ puts: [put('c')] }), undone)).toEqual(['ok', 'STORE_FAILURE']);
  expect(count(words)).toBe(2);
  database.close();
});

/** A new file whose log is copied back by nobody but the checkpointer. */
async function logOfNew() {
  const { file, database } = await writerOf();
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE filler (data BLOB)');
  const insert = database.prepare('INSERT INTO filler VALUES (zeroblob(?))');
  const length = database.prepare<[], number[]>('PRAGMA wal_checkpoint(NOOP)').raw();
  let commits = 0;
  return {
    file,
    database,
    checkpointer: openCheckpointer(database, { file, busyTimeoutMs: 5000 }),
    /** Commits so many pages, and a few. */
    fill(pages: number): void {
      insert.run(pages * 4096 + 1);
      commits++;
    },
    filled: () => commits,
    /** Pages of the log, and how many of them are copied. */
    log(): { readonly pages: number; readonly copied: number } {
      const [, pages = 0, copied = 0] = length.get() ?? [];
      return { pages, copied };
    },
  };
}

it('a long log is copied back by a thread, the rest by the writer, and is then written from its beginning', async () => {
  const { file, database, checkpointer, fill, filled, log } = await logOfNew();
  fill(1);
  checkpointer.look();
  expect(log().copied).toBe(0);
  fill(LONG_LOG_PAGES);
  checkpointer.look();
  // Commits go on, so that the log is never copied whole.
  const copied = (): number => {
    fill(1);
    return log().copied;
  };
  await expect.poll(copied, { timeout: 30_000, interval: 5 }).toBeGreaterThan(LONG_LOG_PAGES);
  expect(log().pages).toBeGreaterThan(log().copied);
  fill(MOST_PAGES - log().pages);
  const left = (): number => {
    checkpointer.look();
    return log().pages - log().copied;
  };
  await expect.poll(left, { timeout: 30_000 }).toBe(0);
  expect(log().pages).toBeGreaterThan(MOST_PAGES);
  fill(1);
  expect(log().pages).toBeLessThan(100);
  await checkpointer.close();

  // The file alone has everything.
  database.close();
  const alone = new Sqlite(file, { readonly: true });
  expect(alone.prepare('SELECT count(*) FROM filler').pluck().get()).toBe(filled());
  alone.close();
});

it('a log that is not long is copied when nothing was written for a moment', async () => {
  const { database, checkpointer, fill, log } = await logOfNew();
  fill(3000);
  checkpointer.look();
  expect(log().copied).toBe(0);
  await expect.poll(() => log().pages - log().copied, { timeout: 30_000 }).toBe(0);
  fill(1);
  expect(log().pages).toBeLessThan(100);
  await checkpointer.close();
  database.close();
});

it('a log that the thread does not keep up with is copied by the writer', async () => {
  const { database, checkpointer, fill, log } = await logOfNew();
  fill(LONG_LOG_PAGES);
  checkpointer.look();
  fill(MOST_PAGES + 1);
  checkpointer.look();
  const { pages, copied } = log();
  expect(copied).toBe(pages);
  await checkpointer.close();
  database.close();
});

import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layoutCollection } from '../../src/adapters/record-store/sql-layout.ts';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { openSearchThread } from '../../src/adapters/record-store/sqlite-search-client.ts';
import { WORD_BATCH } from '../../src/adapters/record-store/sqlite-search-writer.ts';
import type { SearchQuery } from '../../src/ports/record-search.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { write } from '../conformance/record-fixture.ts';
import { PAPERS, paper, searchOf, similarTo } from '../conformance/record-search-fixture.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
let store: RecordStore;
let database: Database;

beforeAll(async () => {
  const file = join(folder.path, 'records.db');
  store = openSqliteRecordStore({ file });
  await store.migrate([PAPERS], () => ({}));
  const puts = Array.from({ length: 300 }, (_, place) =>
    paper(`k${place}`, { title: `word n${place}`, abstract: 'and so on', kind: place % 3, tags: ['t', place % 5] }),
  );
  await write(store, { puts });
  database = new Sqlite(file, { readonly: true });
});
afterAll(async () => {
  database.close();
  await store.close();
  folder.remove();
});

function planOf(query: SearchQuery): readonly string[] {
  const statements = store.explain?.({ kind: 'search', query }) ?? [];
  return statements.flatMap((text) => {
    const plan = database
      .prepare(`EXPLAIN QUERY PLAN ${text.replaceAll('?', 'NULL')}`)
      .raw()
      .all();
    return plan.map((row) => String((row as readonly unknown[])[3]));
  });
}

describe('a search in SQLite', () => {
  it.each<[string, SearchQuery]>([
    ['words', searchOf('one two')],
    ['words that resemble', searchOf('one two', { similar: [['ones'], []] })],
    ['the next page', searchOf('one', { after: { score: 5, key: 'k' } })],
    [
      'filters, the total and facets',
      searchOf('one two', {
        where: [
          { column: 'kind', op: 'eq', value: 1 },
          { column: 'tags', op: 'any', values: ['t', 1] },
        ],
        wantsTotal: true,
        facets: [
          { column: 'kind', limit: 5 },
          { column: 'tags', limit: 5 },
        ],
      }),
    ],
  ])('looks %s up in the text index, and what it finds by numbers', (_, query) => {
    const plan = planOf(query);
    const looks = plan.filter((line) => /VIRTUAL TABLE.*:M/.test(line));
    expect(looks).toHaveLength(2);
    // The letter M stands for MATCH; 64 for the order of numbers, in which a look finds and nothing is sorted.
    for (const look of looks) expect(look).toMatch(/^SCAN (m|\w+_t) VIRTUAL TABLE INDEX 64:M\d*$/);
    expect(plan.join()).not.toMatch(/TEMP B-TREE/);
    expect(plan).toContain('SEARCH t USING INTEGER PRIMARY KEY (rowid=?)');
    expect(plan).toContain('SEARCH r USING INTEGER PRIMARY KEY (rowid=?)');
    // Records, rows and elements are never gone through.
    for (const line of plan) expect(line).not.toMatch(/^SCAN [a-z]\b(?<!SCAN [mj])/);
  });

  it('looks words that resemble up by their trigrams', async () => {
    await similarTo(store, 'wrod');
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%\\_g' ESCAPE '\\'`).pluck().all();
    expect(tables).toHaveLength(1);
    const [trigrams] = tables;
    const words = String(trigrams).replace(/_g$/, '_w');
    const plan = database
      .prepare(
        `EXPLAIN QUERY PLAN SELECT w.word FROM "${trigrams}" AS g CROSS JOIN "${words}" AS w ON w.id = g.rowid WHERE "${trigrams}" MATCH 'x'`,
      )
      .raw()
      .all()
      .map((row) => String((row as readonly unknown[])[3]));
    expect(plan).toEqual(['SCAN g VIRTUAL TABLE INDEX 0:M1', 'SEARCH w USING INTEGER PRIMARY KEY (rowid=?)']);
  });

  it('finds words that resemble, whether they have their trigrams yet or not', async () => {
    const numbered = (from: number) =>
      Array.from({ length: WORD_BATCH }, (_, place) => paper(`m${from + place}`, { title: `m${from + place}` }));
    await write(store, { puts: [paper('animal', { title: 'elephant' })] });
    const words = layoutCollection(PAPERS).indexes.get('papers.texts')?.search?.words;
    const id = Number(database.prepare(`SELECT id FROM "${words}" WHERE word = 'elephant'`).pluck().get());
    const last = () => Number(database.prepare(`SELECT max(id) FROM "${words}"`).pluck().get());
    const isWaiting = () => id > last() - (last() % WORD_BATCH);
    expect(isWaiting()).toBe(true);
    expect(await similarTo(store, 'elephnat')).toEqual([['elephant']]);
    await write(store, { puts: numbered(0) });
    expect(isWaiting()).toBe(false);
    expect(await similarTo(store, 'elephnat')).toEqual([['elephant']]);
  });

  it('says so when the thread that searches cannot work, and starts another', async () => {
    const layout = layoutCollection(PAPERS).indexes.get('papers.texts')!;
    const file = join(folder.path, 'late.db');
    const searching = openSearchThread({ file, busyTimeoutMs: 100 });
    const failed = { code: 'STORE_FAILURE', message: expect.stringContaining('has stopped') };
    await expect(searching.search(layout, searchOf('word'), 0)).rejects.toMatchObject(failed);
    new Sqlite(file).exec('CREATE TABLE t (a)').close();
    await expect(searching.search(layout, searchOf('word'), 0)).rejects.toMatchObject({ code: 'STORE_FAILURE' });
    await searching.close();
  });

  it('keeps no text twice: neither table of FTS5 has a content', () => {
    const names = database.prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%content'`).pluck().all();
    expect(names).toEqual([]);
  });

  it('drops its tables with the index', async () => {
    const count = () =>
      database.prepare(`SELECT count(*) FROM sqlite_schema WHERE name LIKE 'i\\_%' ESCAPE '\\'`).pluck().get();
    const [texts, owners] = PAPERS.indexes;
    const before = count();
    await store.migrate([{ ...PAPERS, indexes: [{ ...texts!, revision: '2' }, owners!] }], (_, key) => ({
      'papers.texts': { ...paper(key, { title: 'again' }).rows['papers.texts'] },
    }));
    expect(count()).toBe(before);
    const { text, ...plain } = texts!;
    await store.migrate([{ ...PAPERS, indexes: [plain, owners!] }], () => ({}));
    expect(count()).toBeLessThan(Number(before));
    expect(text).toBeDefined();
  });
});

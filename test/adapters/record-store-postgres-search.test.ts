import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import { SESSION_SETTINGS } from '../../src/adapters/record-store/postgres-settings.ts';
import type { SearchQuery } from '../../src/ports/record-search.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { write } from '../conformance/record-fixture.ts';
import { PAPERS, paper, searchOf, similarTo } from '../conformance/record-search-fixture.ts';
import { describePostgres, makeSchema } from '../support/shared-postgres.ts';

describePostgres('a search in PostgreSQL', (server) => {
  let store: RecordStore;
  let client: Client;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const { url } = server;
    const schema = makeSchema(url);
    remove = schema.remove;
    store = openPostgresRecordStore({ url, schema: schema.name, poolSize: 5 });
    await store.migrate([PAPERS], () => ({}));
    const puts = Array.from({ length: 300 }, (_, place) =>
      paper(`k${place}`, { title: `word n${place}`, abstract: 'and so on', kind: place % 3, tags: ['t', place % 5] }),
    );
    await write(store, { puts });
    client = new Client({ connectionString: url });
    await client.connect();
    for (const [name, value] of Object.entries({ ...SESSION_SETTINGS, search_path: schema.name }))
      await client.query(`SET ${name} = ${value}`);
    // As the server does by itself, soon after much was written.
    await client.query('ANALYZE');
  });
  afterAll(async () => {
    await client.end();
    await store.close();
    await remove();
  });

  /** As a connection of the store plans it: once, without looking at values. */
  async function planOf(text: string): Promise<string> {
    const count = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
    await client.query(`PREPARE asked AS ${text}`);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN EXECUTE asked (${Array.from({ length: count }, () => 'NULL').join()})`,
    );
    await client.query('DEALLOCATE asked');
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }

  it.each<[string, SearchQuery]>([
    ['words', searchOf('one two')],
    ['words that resemble', searchOf('one two', { similar: [['ones'], []] })],
    ['the next page', searchOf('one', { after: { score: 5, key: 'k' } })],
    [
      'the total and facets',
      searchOf('one two', {
        wantsTotal: true,
        facets: [
          { column: 'kind', limit: 5 },
          { column: 'tags', limit: 5 },
        ],
      }),
    ],
  ])('looks %s up in the text index, and what it finds by keys', async (_, query) => {
    const [text = ''] = store.explain?.({ kind: 'search', query }) ?? [];
    const plan = await planOf(text);
    expect(plan).toMatch(/Bitmap Index Scan on i_\w+_s_t /);
    expect(plan).toMatch(/Index Scan using records_pkey on records r/);
    expect(plan).not.toMatch(/Seq Scan/);
  });

  it('goes through no table for filters, whichever index it begins with', async () => {
    const where = [
      { column: 'kind', op: 'eq', value: 1 },
      { column: 'tags', op: 'any', values: ['t', 1] },
    ] as const;
    const [text = ''] = store.explain?.({ kind: 'search', query: searchOf('one two', { where }) }) ?? [];
    expect(await planOf(text)).not.toMatch(/Seq Scan/);
  });

  it('looks words that resemble up by their trigrams, and needs no extension', async () => {
    expect(await similarTo(store, 'wrod')).toEqual([['word']]);
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname LIKE 'i\\_%\\_w' AND relnamespace = current_schema()::regnamespace`,
    );
    const plan = await planOf(
      `SELECT u.word, w.word FROM unnest($1::text[], $2::text[]) AS u (word, trigrams)
        JOIN ${rows[0]?.name} AS w ON w.trigrams && string_to_array(u.trigrams, ',')`,
    );
    expect(plan).toMatch(/Bitmap Index Scan on i_\w+_w_g/);
    const extensions = await client.query(`SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`);
    expect(extensions.rows).toEqual([]);
  });
});

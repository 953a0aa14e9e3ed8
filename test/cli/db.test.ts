import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { db } from '../../src/cli/db.ts';
import { ROOT } from '../house/source-files.ts';
import { describePostgres, freshSchema } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeRegistry } from './definitions.ts';

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const lines: string[] = [];
  const context = {
    print: (line: string) => void lines.push(line),
    complain: (line: string) => void lines.push(line),
    env,
    colours: false,
  };
  const code = await db.run(args, context);
  return { code, text: lines.join('\n') };
}

const BOOKS = {
  schema_version: '1.0',
  type_id: 'test.books',
  storage: {
    kv_stores: { meta: { kind: 'sqlite' } },
    documents: { book: { store: 'meta', key_template: 'book/{name}' } },
  },
  api: { routes: [] },
};
const INDEXED = {
  ...BOOKS,
  indexes: { books: { source_document: 'book', keys: [{ name: 'by_author', fields: ['author'] }] } },
};

describe('entrepot db', () => {
  test('goes up, down and up again, and says what is done', async () => {
    const place = ['--registry', ROOT, '--data', join(temporaryFolder(), 'data')];
    const notDone = await run(['status', ...place, '--json']);
    expect(JSON.parse(notDone.text).stores.meta.migrations).toEqual([
      { name: '0001_records', doneAt: null },
      { name: '0002_log', doneAt: null },
      { name: '0003_record_ids', doneAt: null },
      { name: '0004_small_log', doneAt: null },
    ]);
    expect((await run(['up', ...place])).text).toBe(
      'meta: done 0001_records, 0002_log, 0003_record_ids, 0004_small_log',
    );
    expect((await run(['up', ...place])).text).toBe('meta: nothing to do');
    await expect(run(['down', ...place])).rejects.toThrow('say --yes');
    expect((await run(['down', ...place, '--yes'])).text).toBe('meta: undone 0004_small_log');
    expect((await run(['down', ...place, '--yes'])).text).toBe('meta: undone 0003_record_ids');
    expect((await run(['down', ...place, '--yes'])).text).toBe('meta: undone 0002_log');
    expect((await run(['status', ...place])).text).toMatch(/0001_records +\d{4}-.*\n.*0002_log +not done/);
    expect((await run(['up', ...place])).text).toBe('meta: done 0002_log, 0003_record_ids, 0004_small_log');
  });

  test('drops the indexes that nobody declares any more only when it is told to', async () => {
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    const plain = writeRegistry(folder, 'plain', BOOKS);
    const indexed = writeRegistry(folder, 'indexed', INDEXED);
    const { openRegistry } = await import('../../src/main.ts');
    for (const registry of [indexed, plain]) {
      const opened = await openRegistry({ registry, data, env: {} });
      if (!opened.ok) throw new Error(JSON.stringify(opened.findings));
      await opened.registry.close();
    }
    const place = ['--registry', plain, '--data', data];
    expect((await run(['status', ...place])).text).toContain('no definition declares the index books any more');
    expect((await run(['prune', ...place])).text).toBe('meta: dropped books');
    expect((await run(['prune', ...place])).text).toBe('meta: nothing to do');
    expect(JSON.parse((await run(['status', ...place, '--json'])).text).stores.meta.unused_indexes).toEqual([]);
  });

  test('refuses what is no store without repeating it, for it may hold a password', async () => {
    const wrong = run(['status', '--registry', ROOT, '--data', temporaryFolder(), '--store', 'mysql://me:hush@db/x']);
    await expect(wrong).rejects.toMatchObject({
      code: 'STORE_FAILURE',
      message: expect.stringMatching(/^"mysql" is not a store that can be chosen: memory, sqlite/),
    });
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining('hush') });
  });
});

describePostgres('entrepot db on PostgreSQL', (server) => {
  test('does the same, chosen by option or by the environment', async () => {
    const schema = freshSchema(server.url);
    const store = `${server.url}?schema=${schema}`;
    const place = ['--registry', ROOT, '--data', temporaryFolder()];
    expect((await run(['up', ...place, '--store', store])).text).toBe('meta: done 0001_records, 0002_log');
    const status = await run(['status', ...place, '--json'], { ENTREPOT_STORE: store });
    expect(JSON.parse(status.text).stores.meta).toMatchObject({
      migrations: [{ name: '0001_records' }, { name: '0002_log' }],
      unused_indexes: [],
    });
    expect((await run(['down', ...place, '--yes'], { ENTREPOT_STORE: store })).text).toBe('meta: undone 0002_log');
    const elsewhere = run(['status', ...place, '--store', 'postgres']);
    await expect(elsewhere).rejects.toMatchObject({ message: expect.stringContaining('ENTREPOT_POSTGRES_URL') });
  });
});

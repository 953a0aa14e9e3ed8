import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { loadDefinition } from '../../src/definition/load.ts';
import { vocabulary } from '../../src/main.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, temporaryFolder } from '../support/registry.ts';

const ROUTE = join(import.meta.dirname, 'registry.json');

interface Edit {
  readonly answer?: string;
  readonly sort?: string;
  readonly kind?: string;
  readonly unique?: boolean;
}

/** The registry of these tests with some of it changed, written to a file. */
async function edited(
  folder: string,
  { answer = 'first', sort = 'name', kind, unique = false }: Edit,
): Promise<string> {
  const json = JSON.parse(await readFile(ROUTE, 'utf8'));
  json.api.routes[1].pipeline.at(-1).args.headers = { 'X-Answer': answer };
  json.indexes.notes.keys[0].sort = [sort];
  json.indexes.notes.keys[0].unique = unique;
  if (kind !== undefined) json.storage.kv_stores.other = { kind };
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${Math.random()}.json`);
  await writeFile(file, JSON.stringify(json));
  return file;
}

async function definitionOf(file: string) {
  const { definition, findings } = await loadDefinition(file, await vocabulary());
  if (definition === null) throw new Error(JSON.stringify(findings));
  return definition;
}

describe.each(STORE_KINDS)('a definition that takes the place of another, on %s', (kind) => {
  async function open() {
    const folder = await temporaryFolder();
    const { registry, send } = await openTestRegistry(await edited(folder, {}), { kind });
    const put = (name: string, size: number) => send('PUT', `/notes/${name}`, { headers: ADMIN, body: { size } });
    return { folder, registry, send, put };
  }

  test('answers from then on; records stay', async () => {
    const { folder, registry, send, put } = await open();
    expect((await put('a', 1)).status).toBe(201);
    expect(await registry.replace(await definitionOf(await edited(folder, { answer: 'second' })))).toBeNull();
    const found = await send('GET', '/notes');
    expect([found.status, found.headers['x-answer'], found.json]).toEqual([200, 'second', [{ name: 'a', size: 1 }]]);
  });

  test('finds records by an index that is new', async () => {
    const { folder, registry, send, put } = await open();
    await put('a', 2);
    await put('b', 1);
    expect((await send('GET', '/notes')).json.map((note: { name: string }) => note.name)).toEqual(['a', 'b']);
    expect(await registry.replace(await definitionOf(await edited(folder, { sort: 'size' })))).toBeNull();
    expect((await send('GET', '/notes')).json.map((note: { name: string }) => note.name)).toEqual(['b', 'a']);
    await put('c', 0);
    expect((await send('GET', '/notes')).json.map((note: { name: string }) => note.name)).toEqual(['c', 'b', 'a']);
  });

  test('is refused where records break its unique key, and all stays as it was', async () => {
    const { folder, registry, send, put } = await open();
    await put('a', 1);
    await put('b', 1);
    const reason = await registry.replace(await definitionOf(await edited(folder, { unique: true, sort: 'size' })));
    expect(reason).toMatch(/unique/);
    expect((await put('c', 1)).status).toBe(201);
    const found = await send('GET', '/notes');
    expect([found.headers['x-answer'], found.json.length]).toEqual(['first', 3]);
  });

  test('is refused where stores change', async () => {
    const { folder, registry, send } = await open();
    const reason = await registry.replace(
      await definitionOf(await edited(folder, { kind: 'memory', answer: 'second' })),
    );
    expect(reason).toMatch(/^"storage\.kv_stores" has changed.*restart/);
    expect((await send('GET', '/notes')).headers['x-answer']).toBe('first');
  });

  test('fails none of 1000 requests while it changes 20 times, half of them broken, some with other indexes', async () => {
    const { folder, registry, send, put } = await open();
    await put('a', 1);
    const seen = new Set<string | undefined>();
    let changing = true;
    let sent = 0;
    const statuses = new Map<number, number>();
    const note = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const client = async (id: number) => {
      while (changing || sent < 1000) {
        sent++;
        // As a server does: files are read between requests.
        await setImmediate();
        if (sent % 5 === 0) note((await put(`n${id}-${sent % 50}`, sent)).status);
        else {
          const found = await send('GET', '/notes');
          seen.add(found.headers['x-answer']);
          note(found.status);
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, id) => client(id)));
    for (let change = 1; change <= 20; change++) {
      const file = await edited(folder, { answer: `answer-${change}`, sort: change % 4 === 0 ? 'size' : 'name' });
      if (change % 2 === 1) {
        await writeFile(file, (await readFile(file, 'utf8')).replace('"kv.put"', '"kv.putt"'));
        expect((await loadDefinition(file, await vocabulary())).definition).toBeNull();
      } else {
        expect(await registry.replace(await definitionOf(file))).toBeNull();
        const { headers } = await send('GET', '/notes');
        expect(headers['x-answer']).toBe(`answer-${change}`);
      }
    }
    changing = false;
    await clients;
    expect([...statuses.keys()].sort()).toEqual([200, 201]);
    expect(sent).toBeGreaterThanOrEqual(1000);
    expect(seen.has('answer-1')).toBe(false);
  });
});

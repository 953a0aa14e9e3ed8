import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRegistry } from '../../src/main.ts';
import { newEntity, newPack, newRoute, newSection } from '../../src/scaffold/scaffold.ts';
import { ADMIN, openTestRegistry } from '../support/registry.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const templates = resolve('templates');

describe('what is started from templates', () => {
  it('leaves registries that check clean and routes that answer', async () => {
    const folder = await temporaryFolder();
    const scaffold = { registry: folder, templates };
    const none = { entity: null, upstream: null };
    await newPack(scaffold, 'notes');
    expect(await checkRegistry(folder)).toEqual([]);
    await newEntity(scaffold, 'notes', 'note');
    await newRoute(scaffold, 'notes', 'extra', 'plain', none);
    await newRoute(scaffold, 'notes', 'note_too', 'read', { entity: 'note', upstream: null }).then(() =>
      rm(join(folder, 'routes/notes/note_too.json')),
    );
    await newSection(scaffold, 'upstream', 'origin');
    const remote = await newRoute(scaffold, 'notes', 'remote', 'proxy', { entity: null, upstream: 'origin' });
    expect(remote).toEqual({ created: ['routes/notes/remote.json'], changed: [], tryIt: 'GET /notes/remote/{file+}' });
    await newSection(scaffold, 'blob_store', 'second');
    await newPack(scaffold, 'other');
    await newEntity(scaffold, 'other', 'thing');
    expect(await checkRegistry(folder)).toEqual([]);
    await newSection(scaffold, 'auth_scope', 'reviewer');
    expect((await checkRegistry(folder)).map((finding) => finding.code)).toEqual(['POLICY_UNUSED']);

    const { send } = await openTestRegistry(folder, { kind: 'sqlite' });
    expect((await send('GET', '/notes/hello/world')).json).toEqual({ hello: 'world', from: 'notes' });
    expect((await send('POST', '/notes/echo', { body: { a: 1 }, headers: ADMIN })).json).toEqual({ a: 1 });
    expect((await send('GET', '/notes/extra/you')).json).toEqual({ route: 'extra', who: 'you' });
    expect((await send('PUT', '/notes/note/first', { body: { title: 'One' }, headers: ADMIN })).status).toBe(200);
    expect((await send('PUT', '/notes/note/first', { body: { title: 'One' } })).status).toBe(401);
    expect((await send('GET', '/notes/note/FIRST')).json).toMatchObject({ id: 'first', title: 'One' });
    expect((await send('GET', '/notes/note/second')).status).toBe(404);
    expect((await send('GET', '/notes/remote/a/b.txt')).status).toBe(404);
  });

  it('keeps what stands in a schema.json as it was written', async () => {
    const folder = await temporaryFolder();
    await newPack({ registry: folder, templates }, 'one');
    const file = join(folder, 'schema.json');
    const before = (await readFile(file, 'utf8'))
      .replace('"My own', '"My   own')
      .replace('{ "name": "admin"', '{   "name":   "admin"');
    await writeFile(file, before);
    await newPack({ registry: folder, templates }, 'two');
    expect((await readFile(file, 'utf8')).replace(/,\s*"routes\/two"/, '')).toBe(before);
  });

  it('writes JSON as the README shows it, what fits a line on one', async () => {
    const folder = await temporaryFolder();
    await newPack({ registry: folder, templates }, 'notes');
    await newSection({ registry: folder, templates }, 'upstream', 'origin');
    expect(await readFile('README.md', 'utf8')).toContain(
      await readFile(join(folder, 'routes/notes/notes_hello.json'), 'utf8'),
    );
    const schema = await readFile(join(folder, 'schema.json'), 'utf8');
    expect(schema).toContain('\n  "packs": ["routes/notes"],\n');
    expect(schema).toContain('\n      "timeouts_ms": { "connect": 2000, "read": 10000 },\n');
    expect(schema.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('refuses what is there already or has no name, and writes nothing', async () => {
    const folder = await temporaryFolder();
    const scaffold = { registry: folder, templates };
    await newPack(scaffold, 'notes');
    const before = await tree(folder);
    const none = { entity: null, upstream: null };
    for (const [code, attempt] of [
      ['ALREADY_EXISTS', () => newPack(scaffold, 'notes')],
      ['VALUE_INVALID', () => newPack(scaffold, '../evil')],
      ['NOT_FOUND', () => newEntity(scaffold, 'nobody', 'note')],
      ['VALUE_INVALID', () => newRoute(scaffold, 'notes', 'r', 'read', none)],
      ['ALREADY_EXISTS', () => newRoute(scaffold, 'notes', 'notes_hello', 'plain', none)],
    ] as const) {
      await expect(attempt()).rejects.toMatchObject({ code });
      expect(await tree(folder)).toEqual(before);
    }
  });

  it('says on the command line what was written and what to try', async () => {
    const folder = await temporaryFolder();
    const { code, stdout, stderr } = await runProgram(resolve('bin/entrepot'), ['new', 'pack', 'notes'], {
      cwd: folder,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').sort()).toEqual([
      '',
      'Try: GET /notes/hello/world',
      'created  routes/notes/notes_echo.json',
      'created  routes/notes/notes_hello.json',
      'created  routes/notes/pack.json',
      'created  schema.json',
    ]);
  });
});

async function tree(folder: string): Promise<readonly (readonly [string, string])[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => [file.name, await readFile(join(file.parentPath, file.name), 'utf8')] as const),
  );
}

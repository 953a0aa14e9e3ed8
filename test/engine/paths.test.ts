import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, temporaryFolder } from '../support/registry.ts';
import { registryOf, reply, route } from './steps.ts';

/** language.md, section 7: which route answers, and what it gets; and packs, whose features schema.json overrides. */
describe('paths', () => {
  const echo = (id: string, path: string, ...names: string[]) =>
    route(id, [reply({ id, ...Object.fromEntries(names.map((name) => [name, `$${name}`])) })], 'GET', path);

  it('are matched literal before affixed before regex before single before multi', async () => {
    const { send } = await openTestRegistry(
      registryOf([
        echo('multi', '/p/{rest+}', 'rest'),
        echo('single', '/p/{name}', 'name'),
        echo('regex', '/p/{digits:[0-9]+}', 'digits'),
        echo('affixed', '/p/{file}.tgz', 'file'),
        echo('literal', '/p/me.tgz'),
      ]),
      { kind: 'memory' },
    );
    for (const [path, answer] of [
      ['/p/me.tgz', { id: 'literal' }],
      ['/p/you.tgz', { id: 'affixed', file: 'you' }],
      ['/p/123', { id: 'regex', digits: '123' }],
      ['/p/abc', { id: 'single', name: 'abc' }],
      ['/p/a/b', { id: 'multi', rest: 'a/b' }],
    ] as const) {
      expect((await send('GET', path)).json, path).toEqual(answer);
    }
  });

  it('are split before they are decoded, and each segment is decoded once', async () => {
    const { send } = await openTestRegistry(registryOf([echo('two', '/{a}/{b}', 'a', 'b'), echo('one', '/{a}', 'a')]), {
      kind: 'memory',
    });
    expect((await send('GET', '/x%2Fy')).json).toEqual({ id: 'one', a: 'x/y' });
    expect((await send('GET', '/%2525/%C3%A9%20')).json).toEqual({ id: 'two', a: '%25', b: 'é ' });
    expect((await send('GET', '/@x%2fy/z?/a/b')).json).toEqual({ id: 'two', a: '@x/y', b: 'z' });
  });

  it('mind a trailing slash, methods and HEAD', async () => {
    const { send } = await openTestRegistry(
      registryOf([
        echo('plain', '/thing'),
        route('several', [reply('several')], 'POST', '/thing'),
        { ...route('lists', [reply('$route.id')]), method: ['PUT', 'PATCH'], path: ['/a', '/b'] },
      ]),
      { kind: 'memory' },
    );
    expect((await send('GET', '/thing/')).status).toBe(404);
    const head = await send('HEAD', '/thing');
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    const refused = await send('DELETE', '/thing');
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
    for (const [method, path] of [
      ['PUT', '/a'],
      ['PATCH', '/b'],
    ] as const) {
      expect((await send(method, path)).json).toBe('lists');
    }
    // A method is a word of its own; case matters.
    expect((await send('get', '/thing')).status).toBe(405);
  });
});

describe('packs', () => {
  it('see their own features, which those of schema.json override, and names of their own', async () => {
    const folder = await temporaryFolder();
    const schema = { ...registryOf([]), packs: ['routes/books'], features: { proxy: false }, api: undefined };
    const pack = {
      name: 'books',
      mount: ['/books', '/b'],
      features: { proxy: true, shelves: 3 },
      storage: { documents: { item: { store: 'meta', key_template: 'book/{id}' } } },
      pipelines: {
        answer: {
          inputs: ['features', 'own'],
          outputs: [],
          pipeline: [reply({ features: '$features', own: '$own', pack: '$route.pack' })],
        },
      },
    };
    const files = {
      'schema.json': schema,
      'routes/books/pack.json': pack,
      'routes/books/show.json': route(
        'show',
        [
          { op: 'kv.get', args: { doc: 'item', key: { id: 'a' }, out: 'own' } },
          { op: 'flow.call', args: { pipeline: 'answer', with: { features: '$registry.features', own: '$own' } } },
        ],
        'GET',
        '/show',
      ),
    };
    await mkdir(join(folder, 'routes/books'), { recursive: true });
    for (const [name, json] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(json));
    const { send, registry } = await openTestRegistry(folder, { kind: 'memory' });
    // The pack's own `item` stands before that of schema.json.
    await registry.runtime.store('meta').commit({
      id: 'book',
      checks: [],
      puts: [{ collection: 'books.item', key: 'book/a', value: '{"title":"A"}', expiresAt: null, rows: {} }],
      deletes: [],
      events: [],
    });
    for (const mount of ['/books', '/b']) {
      expect((await send('GET', `${mount}/show`)).json).toEqual({
        features: { proxy: false, shelves: 3 },
        own: { title: 'A' },
        pack: 'books',
      });
    }
  });
});

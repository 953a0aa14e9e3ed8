import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, STORE_KINDS, type StoreKind } from '../support/registry.ts';
import { insideStep } from './gates.ts';
import { begin, body, commit, fail, registryOf, reply, route } from './steps.ts';

/** `respond.representation`: answers that are built from a record and what is written with it. */

const DOCUMENTS = {
  shelf: { store: 'meta', key_template: 'shelf/{id}' },
  book: { store: 'meta', key_template: 'book/{id}/{title}' },
};
const PIPELINES = {
  catalog: {
    inputs: ['id'],
    pipeline: [
      { op: 'kv.get', args: { doc: 'shelf', key: { id: '$id' }, out: 'shelf' } },
      { op: 'test.inside', args: {} },
      { op: 'kv.list', args: { doc: 'book', prefix: { id: '$id' }, out: 'books' } },
      reply({ shelf: '$shelf', books: '$books', at: '$request.base_url' }, { headers: { Vary: 'Accept' } }),
    ],
  },
  broken: { inputs: [], pipeline: [fail('BROKEN', 422)] },
};
const represent = (build: string, input: object = { id: '$id' }) => ({
  op: 'respond.representation',
  args: { doc: 'shelf', key: { id: '$id' }, build, with: input },
});
const ROUTES = [
  route('read', [represent('catalog'), fail('NOT_FOUND', 404)], 'GET', '/shelves/{id}'),
  route('fails', [represent('broken', {}), fail('NOT_FOUND', 404)], 'GET', '/broken/{id}'),
  route(
    'add',
    [
      body(),
      begin,
      { op: 'kv.put', args: { doc: 'book', key: { id: '$id', title: '$title' }, value: '$body' } },
      { op: 'kv.put', args: { doc: 'shelf', key: { id: '$id' }, value: { last: '$title' } } },
      commit,
      reply({ ok: true }),
    ],
    'PUT',
    '/shelves/{id}/{title}',
  ),
  route(
    'remove',
    [begin, { op: 'kv.delete', args: { doc: 'shelf', key: { id: '$id' } } }, commit, reply({})],
    'DELETE',
    '/shelves/{id}',
  ),
];

async function open(kind: StoreKind) {
  const { operations, runs, inside } = insideStep('test.inside');
  const opened = await openTestRegistry(registryOf(ROUTES, { documents: DOCUMENTS, pipelines: PIPELINES }), {
    kind,
    operations,
  });
  const add = (title: string, value: object = {}) => opened.send('PUT', `/shelves/a/${title}`, { body: value });
  const read = (headers: Record<string, string> = {}) => opened.send('GET', '/shelves/a', { headers });
  return { ...opened, add, read, inside, built: runs };
}

const titles = ({ json }: { readonly json: unknown }) => (json as { books: { n: number }[] }).books.map(({ n }) => n);

describe.each(STORE_KINDS)('a representation on %s', (kind) => {
  it('is built once after each change, for all who ask meanwhile', async () => {
    const { add, read, built } = await open(kind);
    expect((await read()).status).toBe(404);
    for (let n = 1; n <= 3; n++) {
      await add(`t${n}`, { n });
      const answers = await Promise.all(Array.from({ length: 20 }, () => read()));
      for (const answer of answers) expect(titles(answer)).toEqual(Array.from({ length: n }, (_, index) => index + 1));
      await read();
      expect(built()).toBe(n);
    }
  });

  it('is never a part of a change: a record that changes during the build is built anew', async () => {
    const { add, read, inside, built } = await open(kind);
    await add('t1', { n: 1 });
    inside.action = () => {
      inside.action = () => undefined;
      return add('t2', { n: 2 });
    };
    const answer = await read();
    expect(answer.json).toMatchObject({ shelf: { last: 't2' } });
    expect(titles(answer)).toEqual([1, 2]);
    expect(built()).toBe(2);
    await read();
    expect(built()).toBe(2);
  });

  it('of a record that never comes to rest is answered and not kept', async () => {
    const { add, read, inside, built } = await open(kind);
    await add('t0', { n: 0 });
    let writes = 0;
    inside.action = () => add(`t${++writes}`, { n: writes });
    expect((await read()).status).toBe(200);
    expect(built()).toBe(4);
    inside.action = () => undefined;
    expect(titles(await read())).toEqual([0, 1, 2, 3, 4]);
    expect(built()).toBe(5);
  });

  it('goes with its record, and another one begins anew', async () => {
    const { add, read, send, built } = await open(kind);
    await add('t1', { n: 1 });
    await read();
    await send('DELETE', '/shelves/a');
    expect((await read()).status).toBe(404);
    await add('t2', { n: 2 });
    expect(titles(await read())).toEqual([1, 2]);
    expect(built()).toBe(2);
  });

  it('has an entity tag for itself and one for its gzip, and answers 304 to both', async () => {
    const { add, read, built } = await open(kind);
    await add('t1', { n: 1, text: 'word '.repeat(1000) });
    const plain = await read();
    const coded = await read({ 'accept-encoding': 'gzip' });
    expect(JSON.parse(gunzipSync(coded.bytes).toString())).toEqual(plain.json);
    expect(coded.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(coded.bytes.length) });
    expect(coded.headers.etag).not.toBe(plain.headers.etag);
    for (const answer of [plain, coded]) {
      const again = await read({ 'accept-encoding': 'gzip', 'if-none-match': answer.headers.etag ?? '' });
      expect(again.status).toBe(304);
      expect(again.headers.vary).toMatch(/Accept-Encoding/);
    }
    await add('t2', { n: 2 });
    expect((await read({ 'if-none-match': plain.headers.etag ?? '' })).status).toBe(200);
    expect(built()).toBe(2);
  });

  it('that fails to be built fails for who asked, and is tried again', async () => {
    const { add, send } = await open(kind);
    await add('t1');
    for (let round = 0; round < 2; round++) expect((await send('GET', '/broken/a')).status).toBe(422);
  });
});

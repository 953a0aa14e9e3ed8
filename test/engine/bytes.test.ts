import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, STORE_KINDS, type StoreKind, type TestRegistryOptions } from '../support/registry.ts';
import { ask, begin, body, commit, fail, get, type Parts, put, registryOf, reply, route, set } from './steps.ts';

/** language.md, section 2: byte handles, leases, and what a HEAD or a 304 opens. */
const digestOf = (content: string | Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const blobPut = (extra: object = {}) => ({
  op: 'blob.put',
  args: { from: 'request.body', expect: null, out: 'blob', ...extra },
});
const respond = (value: string, extra: object = {}) => ({ op: 'respond.bytes', args: { body: value, ...extra } });

/** `PUT /blobs/{id}` keeps bytes under a record, `GET` sends them with the size that the record states. */
const STORE = [
  route('keep', [blobPut(), begin, put('{id}', { blob: '$blob' }), commit, reply('$blob')], 'PUT', '/blobs/{id}'),
  route(
    'fetch',
    [
      get('{id}', 'item'),
      { ...fail('NOT_FOUND', 404), when: { is_null: '$item' } },
      {
        op: 'blob.get',
        args: { digest: '$item.blob.digest', size: '$item.blob.size', media_type: '$item.blob.media_type', out: 'b' },
      },
      respond('$b'),
    ],
    'GET',
    '/blobs/{id}',
  ),
];
const HOLDING: Parts = {
  documents: { item: { store: 'meta', key_template: 'item/{id}', blobs: ['blob.digest'] } },
};

describe.each(STORE_KINDS)('bytes on %s', (kind: StoreKind) => {
  const open = (routes: readonly object[], options: Partial<TestRegistryOptions> = {}, parts: Parts = HOLDING) =>
    openTestRegistry(registryOf(routes, parts), { kind, ...options });

  it('go in and come out as they are, with their media type', async () => {
    const { send } = await open(STORE);
    const content = Buffer.from([0, 255, 13, 10, 0xef, 0xbb, 0xbf, 0x80]);
    const kept = await send('PUT', '/blobs/a', { body: content, headers: { 'content-type': 'image/x-odd; a=1' } });
    expect(kept.json).toEqual({
      size: 8,
      digest: digestOf(content),
      digests: { sha256: digestOf(content) },
      media_type: 'image/x-odd; a=1',
    });
    const { bytes, headers } = await send('GET', '/blobs/a');
    expect(bytes.equals(content)).toBe(true);
    expect([headers['content-type'], headers['content-length']]).toEqual(['image/x-odd; a=1', '8']);
  });

  it('are a plain object to expressions and documents, and offer forms of their digests', async () => {
    const { send } = await open([
      route('forms', [
        blobPut({ algorithms: ['sha512', 'md5'] }),
        set({ plain: '{% blob %}', keys: '{% $keys(blob) %}' }),
        reply({
          hex: '$blob.hex',
          base64: '$blob.base64',
          sri: '$blob.sri',
          md5: '$blob.digests.md5',
          size: '{blob.size}',
          plain: '$plain',
          keys: '$keys',
        }),
      ]),
    ]);
    const hash = (algorithm: string) => createHash(algorithm).update('hello').digest('hex');
    const { json } = await send('POST', '/forms', { body: 'hello' });
    const base64 = Buffer.from(hash('sha256'), 'hex').toString('base64');
    expect(json).toMatchObject({
      hex: hash('sha256'),
      base64,
      sri: `sha256-${base64}`,
      md5: `md5:${hash('md5')}`,
      size: 5,
    });
    expect(json.plain.digests.sha512).toBe(`sha512:${hash('sha512')}`);
    expect(json.keys.sort()).toEqual(['digest', 'digests', 'media_type', 'size']);
  });

  it('are taken in either form: the handle, and the plain form that a document holds', async () => {
    const { send } = await open([
      ...STORE,
      route('plain', [get('{id}', 'item'), respond('$item.blob')], 'GET', '/plain/{id}'),
      route(
        'copy',
        [
          get('a', 'item'),
          { op: 'blob.put', args: { from: '$item.blob', expect: '$item.blob.digest', out: 'blob' } },
          reply('$blob.size'),
        ],
        'POST',
        '/copy',
      ),
    ]);
    await send('PUT', '/blobs/a', { body: 'hello' });
    expect((await send('GET', '/plain/a')).text).toBe('hello');
    expect((await send('POST', '/copy')).json).toBe(5);
  });

  it('of a request are read once; the checker refuses a second reading', async () => {
    await expect(open([route('twice', [body('a'), body('b'), reply(['$a', '$b'])])])).rejects.toThrow(
      'BODY_READ_TWICE',
    );
  });

  it('that are not what was expected are not kept', async () => {
    const { send, registry } = await open([
      route('expect', [blobPut({ expect: '{request.headers.digest}', size: '$request.query.size' }), reply('$blob')]),
      route('verify', [
        blobPut({ algorithms: ['sha512'] }),
        { op: 'blob.verify_digest', args: { blob: '$blob', expect: '$request.query.digest' } },
        reply('kept'),
      ]),
    ]);
    const wrong = await send('POST', '/expect', { body: 'hello', headers: { digest: digestOf('other') } });
    expect([wrong.status, wrong.json.error.code]).toEqual([400, 'DIGEST_MISMATCH']);
    const short = await send('POST', '/expect?size=4', { body: 'hello', headers: { digest: digestOf('hello') } });
    expect([short.status, short.json.error.code]).toEqual([400, 'SIZE_MISMATCH']);
    expect((await send('POST', `/verify?digest=${digestOf('other')}`, { body: 'hello' })).json.error.code).toBe(
      'DIGEST_MISMATCH',
    );
    // No expectation is none.
    expect((await send('POST', '/verify', { body: 'hello' })).json).toBe('kept');
    await registry.sweep();
    expect(await registry.runtime.blobStore('primary').list(null, 10)).toEqual([]);
  });

  it('of a failed request are held until it ends and swept then; those that a record names stay', async () => {
    const { send, registry } = await open([
      ...STORE,
      route('lose', [
        blobPut(),
        begin,
        { op: 'kv.cas_put', args: { doc: 'item', key: { id: 'a' }, value: { blob: '$blob' }, if_absent: true } },
        commit,
        reply('$blob'),
      ]),
      route('forget', [begin, { op: 'kv.delete', args: { doc: 'item', key: { id: 'a' } } }, commit, reply(null)]),
    ]);
    await send('PUT', '/blobs/a', { body: 'kept' });
    expect((await send('POST', '/lose', { body: 'lost' })).status).toBe(409);
    expect((await send('POST', '/lose', { body: 'kept' })).status).toBe(409);
    await registry.sweep();
    const blobs = registry.runtime.blobStore('primary');
    expect((await blobs.list(null, 10)).map((stat) => stat.digest)).toEqual([digestOf('kept')]);
    expect((await send('GET', '/blobs/a')).text).toBe('kept');
  });

  it('broken off on the way leave nothing: fewer than declared, more than allowed, or a connection that ends', async () => {
    const { registry, data } = await open(STORE, {}, { ...HOLDING, limits: { max_request_body_bytes: 10 } });
    const codeOf = async (asked: object) => {
      const { status, bytes, closeConnection } = await ask(registry, 'PUT', '/blobs/a', asked);
      return [status, JSON.parse(bytes.toString()).error.code, closeConnection];
    };
    expect(await codeOf({ body: 'four', contentLength: 5 })).toEqual([400, 'BODY_TRUNCATED', true]);
    const breaking = Readable.from(
      (async function* () {
        yield Buffer.from('four');
        throw new Error('The connection is gone');
      })(),
      { objectMode: false },
    );
    expect(await codeOf({ body: breaking })).toEqual([400, 'BODY_TRUNCATED', true]);
    expect(await codeOf({ body: 'eleven long' })).toEqual([413, 'BODY_TOO_LARGE', true]);
    await registry.sweep();
    expect(await registry.runtime.blobStore('primary').list(null, 10)).toEqual([]);
    if (kind === 'sqlite') expect(await filesBelow(join(data, 'blobs'))).toEqual([]);
  });

  it('are not asked for when nobody reads them: a body that a route ignores stays on its connection', async () => {
    const { registry } = await open([route('ignore', [reply('done')])]);
    const untouched = new Readable({
      read() {
        throw new Error('Somebody read the body');
      },
    });
    const { status, closeConnection } = await ask(registry, 'POST', '/ignore', { body: untouched, contentLength: 5 });
    expect([status, closeConnection]).toEqual([200, true]);
  });
});

describe('a blob whose file is gone', () => {
  it('still answers HEAD and 304, which open nothing; only GET finds out', async () => {
    const log: { code?: string }[] = [];
    const { send, data } = await openTestRegistry(registryOf(STORE, HOLDING), {
      kind: 'sqlite',
      log: { error: (entry) => log.push(entry), warn: () => {} },
    });
    await send('PUT', '/blobs/a', { body: 'hello' });
    for (const file of await filesBelow(join(data, 'blobs'))) await rm(file);
    const head = await send('HEAD', '/blobs/a');
    expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, '5', 0]);
    expect(head.headers.etag).toBe(`"${digestOf('hello')}"`);
    const known = await send('GET', '/blobs/a', { headers: { 'if-none-match': head.headers.etag ?? '' } });
    expect(known.status).toBe(304);
    expect((await send('GET', '/blobs/a')).status).toBe(500);
    expect(log.map((entry) => entry.code)).toEqual(['BLOB_MISSING']);
  });
});

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

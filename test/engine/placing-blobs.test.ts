import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import { openTestRegistry } from '../support/registry.ts';
import { begin, commit, get, notFound, type Parts, put, registryOf, reply, route } from './steps.ts';

/** Small blobs come to their place behind the steps of a pipeline: what waits for them, and what becomes of it when they fail. */
const HOLDING: Parts = {
  documents: { item: { store: 'meta', key_template: 'item/{id}', blobs: ['blob.digest'] } },
  pipelines: { save: { inputs: ['blob'], pipeline: [begin, put('it', { blob: '$blob' }), commit] } },
};
const blobPut = { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } };
const save = { op: 'flow.call', args: { pipeline: 'save', with: { blob: '$blob' } } };
const ROUTES = [
  route('keep', [blobPut, begin, put('it', { blob: '$blob' }), commit, reply('$blob.digest')], 'PUT', '/kept'),
  route('again', [blobPut, { ...save, catch: { STORE_FULL: [save] } }, reply('kept')], 'PUT', '/again'),
  route('found', [get('it', 'item'), notFound('item'), reply('$item')], 'GET', '/kept'),
  route('forget', [blobPut, reply('$blob.digest')], 'PUT', '/forgotten'),
  route('refuse', [blobPut, { op: 'respond.error', args: { code: 'NOT_FOUND', status: 404 } }], 'PUT', '/refused'),
  route(
    'echo',
    [
      blobPut,
      { op: 'blob.stat', args: { digest: '$blob.digest', out: 'stat' } },
      { op: 'blob.get', args: { digest: '$blob.digest', out: 'again' } },
      { op: 'respond.bytes', args: { body: '$again', media_type: 'text/plain' } },
    ],
    'PUT',
    '/echo',
  ),
];

/** A registry whose blobs wait for `place`. */
async function open() {
  const gate = Promise.withResolvers<void>();
  // It may fail before anybody waits for it.
  gate.promise.catch(() => undefined);
  const done: string[] = [];
  const wrapBlobStore = (store: BlobStore): BlobStore => ({
    ...store,
    async put(source, options) {
      const result = await store.put(source, options);
      if (result.placing === null) return result;
      const { placing } = result;
      done.push('answered');
      // As where the disk failed: the lease has ended, and there is no blob.
      const gone = async (failure: unknown) => {
        await placing;
        await store.release(result.lease, false);
        await store.sweep(() => false);
        throw failure;
      };
      return { ...result, placing: gate.promise.then(() => placing, gone).then(() => void done.push('placed')) };
    },
    async release(lease, settled) {
      done.push(settled ? 'settled' : 'let go');
      return store.release(lease, settled);
    },
  });
  const { send, registry } = await openTestRegistry(registryOf(ROUTES, HOLDING), {
    kind: 'sqlite',
    seams: { wrapBlobStore },
  });
  return { send, registry, done, place: () => gate.resolve(), fail: (error: Error) => gate.reject(error) };
}

const digestOf = (content: string) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const pause = () => new Promise((resolve) => setTimeout(resolve, 30));

describe('small blobs on their way to their place', () => {
  it.each(['/kept', '/forgotten', '/echo'])('hold up the answer of %s', async (path) => {
    const { send, done, place } = await open();
    let answered = false;
    const answer = send('PUT', path, { body: 'hello' }).finally(() => {
      answered = true;
    });
    await expect.poll(() => done).toEqual(['answered']);
    await pause();
    expect(answered).toBe(false);
    expect((await send('GET', '/kept')).status).toBe(404);
    place();
    const { status, text } = await answer;
    expect([status, text]).toEqual([200, path === '/echo' ? 'hello' : JSON.stringify(digestOf('hello'))]);
    expect(done.slice(0, 2)).toEqual(['answered', 'placed']);
  });

  it.each([
    ['/kept', 'STORE_FULL', 507],
    ['/forgotten', 'BLOB_STORE_FAILURE', 503],
  ])('that fail are the failure of %s', async (path, code, expected) => {
    const { send, fail } = await open();
    const answer = send('PUT', path, { body: 'hello' });
    fail(new RegistryError(code as 'STORE_FULL', { cause: new Error('the disk') }));
    const { status, json } = await answer;
    expect([status, json.error.code]).toEqual([expected, code]);
    expect((await send('GET', '/kept')).status).toBe(404);
  });

  it('that failed are missing to a commit which names them after that was caught', async () => {
    const { send, fail } = await open();
    const answer = send('PUT', '/again', { body: 'hello' });
    fail(new RegistryError('STORE_FULL', { cause: new Error('the disk') }));
    const { status, json } = await answer;
    expect([status, json.error.code]).toEqual([422, 'BLOB_MISSING']);
    expect((await send('GET', '/kept')).status).toBe(404);
  });

  it('hold up no error, and are let go when they have come to their place', async () => {
    const { send, done, place } = await open();
    expect((await send('PUT', '/refused', { body: 'hello' })).status).toBe(404);
    expect(done).toEqual(['answered']);
    place();
    await expect.poll(() => done).toEqual(['answered', 'placed', 'let go']);
  });

  it('are waited for when the registry closes', async () => {
    const { send, registry, done, place } = await open();
    await send('PUT', '/refused', { body: 'hello' });
    const closed = registry.close().then(() => done.push('closed'));
    await pause();
    expect(done).toEqual(['answered']);
    place();
    await closed;
    expect(done).toEqual(['answered', 'placed', 'let go', 'closed']);
  });
});

import { expect, test } from 'vitest';
import { openTestRegistry, STORE_KINDS } from '../support/registry.ts';

const entry = { kind: 'response', key: 'greeting' };

/** Routes that fill the cache, look into it, and write a record. */
const definition = {
  schema_version: '1.0',
  type_id: 'test.cache',
  storage: {
    kv_stores: { meta: { kind: 'sqlite' } },
    documents: { note: { store: 'meta', key_template: 'note/{name}' } },
  },
  api: {
    routes: [
      route('keep', 'PUT', '/cache', [
        { op: 'cache.put', args: { ...entry, value: { text: 'hello' }, ttl_seconds: 60 } },
        { op: 'respond.empty', args: {} },
      ]),
      route('look', 'GET', '/cache', [
        { op: 'cache.get', args: { ...entry, hit_out: 'hit', value_out: 'value' } },
        { op: 'respond.json', args: { body: { hit: '$hit', value: '$value' } } },
      ]),
      route('write', 'PUT', '/notes/{name}', [
        { op: 'txn.begin', args: {} },
        { op: 'kv.put', args: { doc: 'note', key: 'note/{name}', value: { name: '$name' } } },
        { op: 'cache.put', args: { ...entry, value: { text: 'hello' }, ttl_seconds: 60 } },
        { op: 'txn.commit', args: {} },
        { op: 'respond.empty', args: {} },
      ]),
    ],
  },
};

function route(id: string, method: string, path: string, pipeline: readonly object[]): object {
  return { id, method, path, tags: [], summary: id, pipeline };
}

for (const kind of STORE_KINDS) {
  test(`an entry counts until something is written (${kind})`, async () => {
    const { send } = await openTestRegistry(definition, { kind });
    await send('PUT', '/cache');
    expect((await send('GET', '/cache')).json).toEqual({ hit: true, value: { text: 'hello' } });

    // What this request keeps was made of reads that its own commit outdates.
    expect((await send('PUT', '/notes/a')).status).toBe(204);
    expect((await send('GET', '/cache')).json).toEqual({ hit: false, value: null });

    await send('PUT', '/cache');
    expect((await send('GET', '/cache')).json).toMatchObject({ hit: true });
  });
}

import { openTestRegistry, type StoreKind, type TestRegistry, type TestRegistryOptions } from '../support/registry.ts';
import { gates } from './gates.ts';

/** Steps and a definition for tests of transactions. Races are made by gates, not by waiting. */
export const begin = { op: 'txn.begin', args: {} };
export const commit = { op: 'txn.commit', args: {} };
export const gate = (name: string) => ({ op: 'test.gate', args: { name } });
export const get = (key: string, out: string) => ({ op: 'kv.get', args: { doc: 'item', key: { id: key }, out } });
export const put = (key: string, value: unknown) => ({ op: 'kv.put', args: { doc: 'item', key: { id: key }, value } });
export const reply = (body: unknown, status = 200) => ({ op: 'respond.json', args: { status, body } });
export const notFound = (name: string) => ({
  op: 'respond.error',
  when: { is_null: `$${name}` },
  args: { status: 404, code: 'NOT_FOUND' },
});
export const byGroup = (out: string, extra: object = {}) => ({
  op: 'index.query',
  args: { index: 'items', by: 'by_group', key: { group: 'g' }, out, ...extra },
});
export const route = (id: string, pipeline: readonly unknown[], method = 'POST', path = `/${id}`) => ({
  id,
  method,
  path,
  pipeline,
});

const COMMON = [
  route('read', [get('{id}', 'item'), notFound('item'), reply('$item')], 'GET', '/items/{id}'),
  route(
    'write',
    [
      { op: 'parse.json', args: { out: 'body' } },
      begin,
      put('{id}', '$body'),
      { op: 'emit.event', args: { type: 'written', payload: { id: '$id' } } },
      commit,
      reply({ ok: true }),
    ],
    'PUT',
    '/items/{id}',
  ),
  route(
    'remove',
    [begin, { op: 'kv.delete', args: { doc: 'item', key: { id: '{id}' } } }, commit, reply({ ok: true })],
    'DELETE',
    '/items/{id}',
  ),
];

export function definition(...routes: readonly object[]): object {
  return {
    schema_version: '1.0',
    type_id: 'test.transactions',
    storage: {
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs' } },
      kv_stores: { meta: { kind: 'sqlite' } },
      documents: {
        item: { store: 'meta', key_template: 'item/{id}' },
        holder: { store: 'meta', key_template: 'holder/{id}', blobs: ['digest'] },
      },
    },
    indexes: {
      items: {
        source_document: 'item',
        keys: [{ name: 'by_group', fields: ['group'], sort: ['rank'] }],
        filter: { is_not_null: '$record.group' },
      },
      codes: {
        source_document: 'item',
        keys: [{ name: 'by_code', fields: ['code'], unique: true }],
        filter: { is_not_null: '$record.code' },
      },
    },
    events: { types: [{ name: 'written' }] },
    ops: { closed_world: false },
    api: { routes: [...COMMON, ...routes] },
  };
}

/** A registry with these routes beside the common ones. `gate` says what happens where a step lets the test in. */
export async function open(kind: StoreKind, routes: readonly object[], options: Partial<TestRegistryOptions> = {}) {
  const gate = gates();
  const registry = await openTestRegistry(definition(...routes), { kind, operations: gate.operations, ...options });
  return { ...registry, gate };
}

export function write(registry: Pick<TestRegistry, 'send'>, id: string, value: object) {
  return registry.send('PUT', `/items/${id}`, { body: value });
}

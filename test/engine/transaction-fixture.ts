import { openTestRegistry, type StoreKind, type TestRegistry, type TestRegistryOptions } from '../support/registry.ts';
import { gates } from './gates.ts';
import { begin, body, commit, put, readItem, registryOf, removeItem, reply, route } from './steps.ts';

/** The query that tests of ranges read. */
export const byGroup = (out: string, extra: object = {}) => ({
  op: 'index.query',
  args: { index: 'items', by: 'by_group', key: { group: 'g' }, out, ...extra },
});

/** Every write leaves an event. */
const COMMON = [
  readItem,
  removeItem,
  route(
    'write',
    [
      body(),
      begin,
      put('{id}', '$body'),
      { op: 'emit.event', args: { type: 'written', payload: { id: '$id' } } },
      commit,
      reply({ ok: true }),
    ],
    'PUT',
    '/items/{id}',
  ),
];

function definition(routes: readonly object[]): object {
  return registryOf([...COMMON, ...routes], {
    documents: { holder: { store: 'meta', key_template: 'holder/{id}', blobs: ['digest'] } },
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
  });
}

/** A registry with these routes beside the common ones. `gate` says what happens where a step lets the test in. */
export async function open(kind: StoreKind, routes: readonly object[], options: Partial<TestRegistryOptions> = {}) {
  const gate = gates();
  const registry = await openTestRegistry(definition(routes), { kind, operations: gate.operations, ...options });
  return { ...registry, gate };
}

export function write(registry: Pick<TestRegistry, 'send'>, id: string, value: object) {
  return registry.send('PUT', `/items/${id}`, { body: value });
}

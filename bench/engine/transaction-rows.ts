import { randomUUID } from 'node:crypto';
import type { Json } from '../../src/definition/types.ts';
import type { Check } from '../../src/ports/record-store.ts';
import type { Pipelines } from './pipelines.ts';
import type { EngineRow } from './rows.ts';
import { repeated } from './work.ts';

const READ_COUNTS = [1, 10];
const KEYS = Array.from({ length: 10 }, (_, index) => `item-${index}`);
const VALUE = { name: 'left-pad', version: '1.12.3', size: 4096 };

const begin: Json = { op: 'txn.begin', args: {} };
const commit: Json = { op: 'txn.commit', args: {} };
const respond: Json = { op: 'respond.empty', args: {} };
const reads = (count: number): readonly Json[] =>
  KEYS.slice(0, count).map((id) => ({ op: 'kv.get', args: { doc: 'item', key: { id }, out: 'item' } }));
const put = (id: string): Json => ({ op: 'kv.put', args: { doc: 'item', key: { id }, value: VALUE } });

export const TRANSACTION_PIPELINES: Readonly<Record<string, readonly Json[]>> = {
  fill: [begin, ...KEYS.map(put), commit, respond],
  ...Object.fromEntries(READ_COUNTS.map((count) => [`reads-${count}`, [begin, ...reads(count), commit, respond]])),
  write: [begin, ...reads(1), put('item-0'), commit, respond],
};

/** Transactions beside the calls of the store that they come down to. */
export async function transactionRows({ runOf, registry }: Pipelines, kind: string): Promise<readonly EngineRow[]> {
  await runOf('fill')();
  const store = registry.runtime.store('meta');
  const key = (id: string) => `item/${id}`;
  const value = JSON.stringify(VALUE);
  const read = async (count: number): Promise<readonly Check[]> => {
    const checks: Check[] = [];
    for (const id of KEYS.slice(0, count)) {
      const found = store.get('item', key(id));
      const record = found instanceof Promise ? await found : found;
      checks.push({ kind: 'record', collection: 'item', key: key(id), version: record?.version ?? null });
    }
    return checks;
  };
  const end = async (checks: readonly Check[], puts: Parameters<typeof store.commit>[0]['puts']) => {
    const result = await store.commit({ id: randomUUID(), checks, puts, deletes: [], events: [] });
    if (!result.ok) throw new Error('A commit of the bench was refused');
    return result;
  };
  const part = 'engine';
  return [
    ...READ_COUNTS.map(
      (count): EngineRow => ({
        name: `${kind}-reads-${count}`,
        title: `${kind}: a transaction of ${count} ${count === 1 ? 'read' : 'reads'}`,
        part,
        first: repeated('engine', runOf(`reads-${count}`)),
        second: repeated('store alone', async () => end(await read(count), [])),
      }),
    ),
    {
      name: `${kind}-write`,
      title: `${kind}: a transaction of a read and a write`,
      part,
      first: repeated('engine', runOf('write')),
      second: repeated('store alone', async () =>
        end(await read(1), [{ collection: 'item', key: key('item-0'), value, expiresAt: null, rows: {} }]),
      ),
    },
  ];
}

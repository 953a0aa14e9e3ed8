import type { RecordStore } from '../../src/ports/record-store.ts';

const BATCH = 1000;

/** Fills an empty store with tags of the default registry and as many events, a thousand at a time; as fast as the store loads. */
export async function fillWithTags(
  store: RecordStore,
  count: number,
  valueBytes: number,
  collection = 'packages.tag',
): Promise<void> {
  const at = '2026-01-02T03:04:05.006Z';
  const load = await store.load({ origin: 'the test', at, replace: false });
  const filler = 'x'.repeat(valueBytes);
  for (let from = 0; from < count; from += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - from) }, (_, place) => from + place);
    await load.write({
      puts: numbers.map((number) => {
        const tag = `t${String(number).padStart(9, '0')}`;
        const value = {
          namespace: 'acme',
          name: 'many',
          tag,
          target_version: '1.0.0',
          updated_at: at,
          comment: filler,
        };
        return {
          collection,
          key: `tag/acme/many/${tag}`,
          value: JSON.stringify(value),
          version: number + 1,
          expiresAt: null,
        };
      }),
      deletes: [],
      events: numbers.map((number) => ({
        position: number + 1,
        version: number + 1,
        id: `e${number}`,
        type: 'packages.tag_updated',
        at,
        payload: JSON.stringify({ namespace: 'acme', name: 'many', number }),
      })),
    });
  }
  await load.finish(count);
}

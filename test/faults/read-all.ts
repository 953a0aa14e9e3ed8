import type { IndexedRecord, RecordStore, StoredEvent } from '../../src/ports/record-store.ts';

const PAGE = 500;

/** The whole log. */
export async function* allEvents(records: RecordStore): AsyncGenerator<StoredEvent> {
  for (let after = 0; ; ) {
    const page = await records.events(after, PAGE);
    yield* page;
    after = page.at(-1)?.position ?? after;
    if (page.length < PAGE) return;
  }
}

/** All records of a collection, in the order of their keys. */
export async function* allRecords(records: RecordStore, collection: string): AsyncGenerator<IndexedRecord> {
  let after: string | null = null;
  for (let more = true; more; ) {
    const page = await records.list({ collection, prefix: '', after, limit: PAGE });
    yield* page.records;
    after = page.records.at(-1)?.key ?? null;
    more = page.more;
  }
}

import { describe, expect, it } from 'vitest';
import type { EngineRequest, EngineResponse } from '../../src/engine/exchange.ts';
import type { Registry } from '../../src/main.ts';
import type { IndexQuery, RecordStore } from '../../src/ports/record-store.ts';
import { whenReady } from '../../src/shared/maybe-promise.ts';
import { ROOT } from '../house/source-files.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type TestRegistry } from '../support/registry.ts';

const VERSION = '/v1/acme/tool/1.0.0/any';
const BYTES = 'the bytes of a tool';

async function publish({ send }: TestRegistry): Promise<void> {
  const { status } = await send('PUT', `${VERSION}/blob`, { headers: ADMIN, body: BYTES });
  expect(status).toBe(201);
}

/** What the registry gives before anything else has had a turn: a promise fails here. */
function answerAtOnce(registry: Registry, target: string, headers: EngineRequest['headers'] = []): EngineResponse {
  const response = registry.handle({
    method: 'GET',
    target,
    headers: [['host', 'registry.test'], ...headers],
    body: null,
    contentLength: null,
    ip: '127.0.0.1',
    baseUrl: 'http://registry.test',
    requestId: 'hot-path',
    get signal(): AbortSignal {
      throw new Error('A request that reads at once needs no signal');
    },
  });
  if (response instanceof Promise) throw new Error(`GET ${target} made a promise`);
  return response;
}

describe.each(STORE_KINDS)('the routes that are asked for most, on %s', (kind) => {
  it('answer without a promise where the store does', async () => {
    const opened = await openTestRegistry(ROOT, { kind });
    await publish(opened);
    const { registry } = opened;
    for (const target of ['/v1/acme/tool/latest', VERSION]) {
      const { status, body } = answerAtOnce(registry, target);
      expect(status).toBe(200);
      expect(JSON.parse(String(body))).toMatchObject({ namespace: 'acme', name: 'tool', version: '1.0.0' });
    }
    const blob = answerAtOnce(registry, `${VERSION}/blob`);
    expect(String(blob.body)).toBe(BYTES);
    const etag = blob.headers.find(([name]) => name === 'ETag')?.[1] ?? '';
    expect(answerAtOnce(registry, `${VERSION}/blob`, [['if-none-match', etag]])).toMatchObject({
      status: 304,
      body: null,
    });
  });

  it('ask the store for no more than they show', async () => {
    const asked: IndexQuery[] = [];
    const opened = await openTestRegistry(ROOT, {
      kind,
      seams: {
        wrapRecordStore: (store) => ({
          ...store,
          query(query) {
            asked.push(query);
            return store.query(query);
          },
        }),
      },
    });
    await publish(opened);
    asked.length = 0;
    await opened.send('GET', '/v1/acme/tool/latest');
    await opened.send('GET', '/v1/acme/tool/versions');
    expect(asked.map(({ wantsMore }) => wantsMore)).toEqual([false, true]);
  });

  it('pass a stored document on without looking into it', async () => {
    const opened = await openTestRegistry(ROOT, {
      kind,
      seams: { wrapRecordStore: (store) => withValues(store, (value) => `${value} and this is no JSON`) },
    });
    await publish(opened);
    for (const target of ['/v1/acme/tool/latest', VERSION]) {
      const { status, body } = answerAtOnce(opened.registry, target);
      expect(status).toBe(200);
      expect(body).toMatch(/^\{"namespace":"acme".*\} and this is no JSON$/);
    }
  });
});

/** A store that shows the artifacts' documents changed. */
function withValues(store: RecordStore, change: (value: string) => string): RecordStore {
  const changed = <T extends { readonly value: string }>(record: T): T => ({ ...record, value: change(record.value) });
  return {
    ...store,
    get: (collection, key) =>
      whenReady(store.get(collection, key), (record) =>
        record === null || !collection.endsWith('.artifact') ? record : changed(record),
      ),
    query: (query) =>
      whenReady(store.query(query), (page) => ({ ...page, records: page.records.map((record) => changed(record)) })),
  };
}

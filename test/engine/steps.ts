import { Readable } from 'node:stream';
import type { EngineRequest } from '../../src/engine/exchange.ts';
import type { Registry } from '../../src/main.ts';

/** The steps that most tests of the engine are made of; `item` is the document of `registryOf`. */
export const begin = { op: 'txn.begin', args: {} };
export const commit = { op: 'txn.commit', args: {} };
export const gate = (name: string) => ({ op: 'test.gate', args: { name } });
export const set = (values: object, extra: object = {}) => ({ op: 'set', args: values, ...extra });
export const get = (key: string, out: string, extra: object = {}) => ({
  op: 'kv.get',
  args: { doc: 'item', key: { id: key }, out, ...extra },
});
export const put = (key: string, value: unknown, extra: object = {}) => ({
  op: 'kv.put',
  args: { doc: 'item', key: { id: key }, value, ...extra },
});
export const body = (out = 'body') => ({ op: 'parse.json', args: { out } });
export const reply = (value: unknown, extra: object = {}) => ({ op: 'respond.json', args: { body: value, ...extra } });
export const fail = (code: string, status?: number, extra: object = {}) => ({
  op: 'respond.error',
  args: { code, ...(status === undefined ? {} : { status }), ...extra },
});
export const notFound = (name: string) => ({ ...fail('NOT_FOUND', 404), when: { is_null: `$${name}` } });

/** A route that answers `METHOD /id`, or another path. */
export const route = (id: string, pipeline: readonly unknown[], method = 'POST', path = `/${id}`): object => ({
  id,
  method,
  path,
  pipeline,
});

export const writeItem = route(
  'write',
  [body(), begin, put('{id}', '$body'), commit, reply({ ok: true })],
  'PUT',
  '/items/{id}',
);
export const readItem = route('read', [get('{id}', 'item'), notFound('item'), reply('$item')], 'GET', '/items/{id}');
export const removeItem = route(
  'remove',
  [begin, { op: 'kv.delete', args: { doc: 'item', key: { id: '{id}' } } }, commit, reply({ ok: true })],
  'DELETE',
  '/items/{id}',
);

/** Sections of a definition; those named here go where they belong. */
export interface Parts {
  readonly documents?: object;
  readonly schemas?: object;
  readonly limits?: object;
  readonly [section: string]: unknown;
}

/** A definition in one file with these routes, a record store, a blob store, and the document `item`; `parts` are sections to add. */
export function registryOf(routes: readonly object[], parts: Parts = {}): object {
  const { documents, schemas, limits, ...sections } = parts;
  return {
    schema_version: '1.0',
    type_id: 'test.engine',
    storage: {
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs' } },
      kv_stores: { meta: { kind: 'sqlite' } },
      documents: { item: { store: 'meta', key_template: 'item/{id}' }, ...documents },
      ...(schemas === undefined ? {} : { schemas }),
    },
    ops: { closed_world: false, ...(limits === undefined ? {} : { limits }) },
    api: { routes },
    ...sections,
  };
}

/** An answer as the engine gives it: headers in order, with names as written. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly bytes: Buffer;
  readonly closeConnection: boolean;
  values(name: string): readonly string[];
}

export interface RawAsk {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Readable | string;
  /** As declared, whatever the body really has. */
  readonly contentLength?: number | null;
}

/** A request that `sendTo` cannot make: headers that come twice, bodies that break off. */
export async function ask(registry: Registry, method: string, target: string, asked: RawAsk = {}): Promise<RawAnswer> {
  const { headers = [], body: sent = null, contentLength = null } = asked;
  const request: EngineRequest = {
    method,
    target,
    headers,
    body: typeof sent === 'string' ? Readable.from([Buffer.from(sent)], { objectMode: false }) : sent,
    contentLength,
    ip: '127.0.0.1',
    baseUrl: 'http://registry.test',
    signal: new AbortController().signal,
  };
  const { status, headers: got, body: content, closeConnection } = await registry.handle(request);
  const bytes = Buffer.concat(
    content instanceof Readable ? await content.toArray() : content === null ? [] : [Buffer.from(content)],
  );
  const values = (name: string) => got.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value);
  return { status, headers: got, bytes, closeConnection, values };
}

/** Keeps the bytes that it is sent, and gives them back. */
export const BLOB_ROUTES = [
  route(
    'keep',
    [
      { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } },
      begin,
      put('blob', { blob: '$blob' }),
      commit,
      reply('$blob.digest'),
    ],
    'PUT',
    '/blob',
  ),
  route(
    'fetch',
    [
      { op: 'kv.get', args: { doc: 'item', key: { id: 'blob' }, out: 'item' } },
      { op: 'respond.error', when: { is_null: '$item' }, args: { code: 'NOT_FOUND' } },
      { op: 'respond.bytes', args: { body: '$item.blob', media_type: 'text/plain' } },
    ],
    'GET',
    '/blob',
  ),
];

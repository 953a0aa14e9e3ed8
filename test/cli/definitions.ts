import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A one-file registry that answers `GET /hello` and, slowly, nothing else. */
export const HELLO = {
  schema_version: '1.0',
  type_id: 'test.hello',
  storage: { kv_stores: { meta: { kind: 'sqlite' } } },
  auth: { anonymous: { scopes: ['read'] }, scopes: [{ name: 'read', actions: ['*'] }] },
  ops: { closed_world: true, allowed: ['respond.json'] },
  api: {
    routes: [
      {
        id: 'hello',
        method: 'GET',
        path: '/hello',
        pipeline: [{ op: 'respond.json', args: { body: { hello: 'world' } } }],
      },
    ],
  },
};

/** The same with a step that does not exist, on line 5 of the file. */
export const BROKEN_TEXT = `{
  "schema_version": "1.0", "type_id": "test.broken",
  "ops": { "closed_world": true, "allowed": ["respond.json"] },
  "api": { "routes": [ { "id": "hello", "method": "GET", "path": "/hello", "pipeline": [
    { "op": "respond.jsn", "args": { "body": 1 } }
  ] } ] }
}
`;

/** Writes a registry into `folder/name` and returns the path of its file. */
export function writeRegistry(folder: string, name: string, content: unknown): string {
  mkdirSync(join(folder, name), { recursive: true });
  const file = join(folder, name, 'schema.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** A registry with a record, an event, an upstream, and a policy for each of its routes. */
export const NOTES = {
  schema_version: '1.0',
  type_id: 'test.notes',
  entities: {},
  storage: {
    blob_stores: {
      primary: {
        kind: 'filesystem',
        root: 'blobs',
        addressing: { mode: 'content_addressed', digest: 'sha256', path_template: 'sha256/{digest:0:2}/{digest}' },
      },
    },
    kv_stores: { meta: { kind: 'sqlite' } },
    documents: { note: { store: 'meta', key_template: 'note/{name}', schema: 'Note' } },
    schemas: {
      Note: {
        type: 'object',
        required: ['name', 'text'],
        properties: { name: { type: 'string' }, text: { type: 'string' } },
      },
    },
  },
  indexes: { notes: { source_document: 'note', keys: [{ name: 'by_text', fields: ['text'], sort: ['name'] }] } },
  auth: {
    anonymous: { scopes: ['read'] },
    scopes: [
      { name: 'read', actions: ['kv.get', 'proxy.fetch'] },
      { name: 'write', actions: ['kv.get', 'kv.put', 'emit.event', 'proxy.fetch'] },
      { name: 'admin', actions: ['*'] },
    ],
    policies: [
      { name: 'readers', effect: 'allow', when: { 'route.tags': ['public'] }, require: { scopes: ['read'] } },
      { name: 'writers', effect: 'allow', when: { 'route.tags': ['write'] }, require: { scopes: ['write'] } },
    ],
  },
  upstreams: {
    origin: {
      base_url: 'https://registry.example',
      auth: { mode: 'none' },
      timeouts_ms: { connect: 2000, read: 5000 },
      retry: { max_attempts: 1, backoff_ms: 1 },
    },
  },
  ops: {
    closed_world: true,
    allowed: [
      'auth.require_scopes',
      'kv.get',
      'kv.put',
      'parse.json',
      'txn.begin',
      'txn.commit',
      'emit.event',
      'proxy.fetch',
      'respond.json',
      'respond.bytes',
      'respond.error',
    ],
  },
  events: {
    types: [
      {
        name: 'note_written',
        durable: true,
        schema: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      },
    ],
  },
  api: {
    routes: [
      {
        id: 'read_note',
        method: 'GET',
        path: '/notes/{name}',
        tags: ['public'],
        pipeline: [
          { op: 'kv.get', args: { doc: 'note', key: 'note/{name}', out: 'note' } },
          {
            op: 'respond.error',
            args: { status: 404, code: 'NOT_FOUND', message: 'No such note' },
            when: { is_null: '$note' },
          },
          { op: 'respond.json', args: { body: '$note' } },
        ],
      },
      {
        id: 'write_note',
        method: 'PUT',
        path: '/notes/{name}',
        tags: ['write'],
        pipeline: [
          { op: 'auth.require_scopes', args: { scopes: ['write'] } },
          { op: 'parse.json', args: { schema: { type: 'object', required: ['text'] }, out: 'body' } },
          { op: 'txn.begin', args: {} },
          { op: 'kv.put', args: { doc: 'note', key: 'note/{name}', value: { name: '$name', text: '$body.text' } } },
          { op: 'emit.event', args: { type: 'note_written', payload: { name: '$name' } } },
          { op: 'txn.commit', args: {} },
          { op: 'respond.json', args: { status: 201, body: { ok: true } } },
        ],
      },
      {
        id: 'relay_note',
        method: 'GET',
        path: '/relay/{name}',
        tags: ['write'],
        pipeline: [
          { op: 'proxy.fetch', args: { upstream: 'origin', method: 'GET', path: '/{name}', out: 'answer' } },
          { op: 'respond.bytes', args: { body: '$answer.body' } },
        ],
      },
    ],
  },
};

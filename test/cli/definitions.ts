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

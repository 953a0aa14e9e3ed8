import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../src/inspect/openapi.ts';
import { inspected } from './inspected.ts';

// biome-ignore lint/suspicious/noExplicitAny: JSON whose shape is what these tests are about
type Document = any;

async function documentOf(json?: object): Promise<Document> {
  const { definition, vocabulary } = await inspected(json);
  // As a client gets it.
  return JSON.parse(JSON.stringify(openApiDocument(definition, vocabulary)));
}

/** What is wrong with it by the schema of OpenAPI 3.1, and references that lead nowhere. */
async function problemsOf(document: Document): Promise<unknown[]> {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  const problems: unknown[] = valid ? [] : [errors];
  const look = (json: unknown): void => {
    if (typeof json !== 'object' || json === null) return;
    const { $ref } = json as Document;
    if (typeof $ref === 'string') {
      let at: Document = document;
      for (const part of $ref.slice(2).split('/')) at = at?.[part];
      if (!$ref.startsWith('#/') || at === undefined) problems.push($ref);
    }
    for (const member of Object.values(json)) look(member);
  };
  look(document);
  return problems;
}

describe('the OpenAPI document', () => {
  test('of the default registry is valid and has every route', async () => {
    const { definition } = await inspected();
    const document = await documentOf();
    expect(await problemsOf(document)).toEqual([]);
    const ids = Object.values<Document>(document.paths).flatMap((item) =>
      Object.values<Document>(item).map((operation) => operation.operationId),
    );
    // A route of several methods and paths is several operations.
    const expected = definition.routes.flatMap(({ id, methods, paths }) =>
      Array.from({ length: methods.length * paths.length }, (_, n) => (n === 0 ? id : `${id}_${n + 1}`)),
    );
    expect(ids.sort()).toEqual(expected.sort());
  });

  test('says what a publisher must send and may get', async () => {
    const document = await documentOf();
    const put = document.paths['/v1/{namespace}/{name}/{version}/{variant}/blob'].put;
    expect(put.requestBody).toEqual({ required: true, content: { '*/*': {} } });
    expect(
      put.parameters.map((parameter: Document) => `${parameter.in} ${parameter.name} ${parameter.required}`),
    ).toEqual([
      'path namespace true',
      'path name true',
      'path version true',
      'path variant true',
      'header X-Checksum-Sha256 false',
    ]);
    expect(put.security).toEqual([{ bearer: [] }, { basic: [] }]);
    expect(Object.keys(put.responses)).toEqual(
      expect.arrayContaining(['201', '400', '401', '403', '409', '413', '5XX']),
    );
    expect(put.responses['409'].description).toContain('VERSION_DELETED');
    expect(document.paths['/v1/packages'].get.security).toContainEqual({});
  });

  test('takes query and body from what steps parse, with references pointed into the document', async () => {
    const document = await documentOf({
      storage: {
        kv_stores: { meta: { kind: 'memory' } },
        schemas: {
          Note: {
            type: 'object',
            properties: { of: { $ref: '#/$defs/who' }, next: { $ref: 'Note' } },
            $defs: { who: { type: 'string' } },
          },
        },
      },
      api: {
        routes: [
          {
            id: 'add',
            method: 'POST',
            path: '/notes/{path+}/{id:[0-9]+}',
            pipeline: [
              {
                op: 'parse.query',
                args: {
                  schema: { type: 'object', required: ['dry'], properties: { dry: { type: 'boolean' } } },
                  out: 'query',
                },
              },
              { op: 'parse.json', args: { schema: 'Note', media_types: ['application/vnd.note+json'], out: 'note' } },
              {
                op: 'respond.json',
                args: { status: 201, body: { of: '$note.of', dry: '$query.dry', path: '$path', id: '$id' } },
              },
            ],
          },
        ],
      },
    });
    expect(await problemsOf(document)).toEqual([]);
    const post = document.paths['/notes/{path}/{id}'].post;
    expect(post.parameters).toEqual([
      { name: 'path', in: 'path', required: true, schema: { type: 'string' }, description: 'May hold slashes' },
      { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^(?:[0-9]+)$' } },
      { name: 'dry', in: 'query', required: true, schema: { type: 'boolean' } },
    ]);
    expect(post.requestBody.content).toEqual({
      'application/vnd.note+json': { schema: { $ref: '#/components/schemas/Note' } },
    });
    expect(document.components.schemas.Note.properties).toEqual({
      of: { $ref: '#/components/schemas/Note/$defs/who' },
      next: { $ref: '#/components/schemas/Note' },
    });
  });

  test('prefers what a route declares, and leaves out what a catch takes and what a table puts in place', async () => {
    const document = await documentOf({
      storage: { kv_stores: { meta: { kind: 'memory' } } },
      errors: { JSON_TOO_DEEP: { status: 418, body: 'too deep' } },
      api: {
        routes: [
          {
            id: 'put',
            method: ['PUT', 'PATCH'],
            path: ['/a/{x}', '/b/{x}'],
            params: { type: 'object', properties: { x: { type: 'string', maxLength: 3 } } },
            query: { type: 'object', properties: { q: { type: 'integer' } } },
            body: { $defs: { n: { type: 'number' } }, type: 'object', properties: { n: { $ref: '#/$defs/n' } } },
            returns: { type: 'object' },
            pipeline: [
              {
                op: 'parse.json',
                args: { out: 'body' },
                catch: { JSON_INVALID: [{ op: 'respond.text', args: { body: 'no' } }] },
              },
              { op: 'respond.json', args: { body: { x: '$x', body: '$body' } } },
            ],
          },
        ],
      },
    });
    expect(await problemsOf(document)).toEqual([]);
    expect(Object.keys(document.paths)).toEqual(['/a/{x}', '/b/{x}']);
    expect(document.paths['/b/{x}'].patch.operationId).toBe('put_4');
    const { put } = document.paths['/a/{x}'];
    expect(put.parameters[0].schema).toEqual({ type: 'string', maxLength: 3 });
    expect(put.parameters[1]).toMatchObject({ name: 'q', in: 'query', required: false });
    expect(put.requestBody.content['application/json'].schema).toEqual({ $ref: '#/components/schemas/put.body' });
    expect(put.responses['200'].content).toEqual({
      'text/plain': {},
      'application/json': { schema: { type: 'object' } },
    });
    expect(put.responses['418']).toEqual({
      description: 'JSON_TOO_DEEP',
      content: { 'application/json': { schema: {} } },
    });
    expect(JSON.stringify(put.responses)).not.toContain('JSON_INVALID');
  });
});

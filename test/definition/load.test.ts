import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordStores } from '../../src/adapters/index.ts';
import { type Loaded, loadDefinition } from '../../src/definition/load.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Definition, StepDefinition } from '../../src/definition/types.ts';
import type { Vocabulary } from '../../src/definition/vocabulary.ts';

const golden = join(import.meta.dirname, 'golden');
const work = mkdtempSync(join(tmpdir(), 'definition-'));
let vocabulary: Vocabulary;

beforeAll(async () => {
  vocabulary = await loadVocabulary(join(import.meta.dirname, '../../operations'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function write(name: string, json: unknown): string {
  const file = join(work, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof json === 'string' ? json : JSON.stringify(json));
  return file;
}

async function good(path: string): Promise<Definition> {
  const { definition, findings } = await loadDefinition(path, vocabulary);
  expect(findings.filter((finding) => finding.severity === 'error')).toEqual([]);
  if (definition === null) throw new Error('There is no definition');
  return definition;
}

function isDeeplyFrozen(value: unknown): boolean {
  return (
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen))
  );
}

/** The steps of a route, with it known that there are as many as asked for. */
function stepsOf(definition: Definition, id: string): readonly StepDefinition[] {
  const route = definition.routes.find((candidate) => candidate.id === id);
  if (route === undefined) throw new Error(`There is no route ${id}`);
  return route.pipeline;
}

describe('a registry in one file', () => {
  test('has defaults for all it leaves out', async () => {
    const definition = await good(write('small.json', { schema_version: '1.0', type_id: 'acme.small' }));
    expect(definition).toMatchObject({
      schemaVersion: '1.0',
      typeId: 'acme.small',
      description: '',
      packs: [],
      versioning: {
        scheme: 'semver',
        ordering: 'semver',
        allowPrerelease: true,
        latestPolicy: { enabled: false, monotonic: false, excludePrerelease: false },
      },
      auth: { anonymousScopes: [], scopes: [], policies: [] },
      ops: {
        closedWorld: false,
        allowed: [],
        limits: {
          maxPipelineOps: 128,
          maxRequestBodyBytes: 2147483648,
          maxJsonBytes: 10485760,
          maxJsonDepth: 64,
          maxKvValueBytes: 1048576,
          maxCpuMsPerRequest: 200,
          maxCpuMsPerBuild: 10_000,
          maxIoOpsPerRequest: 5000,
        },
      },
      routes: [],
      env: [],
      features: {},
    });
    expect(isDeeplyFrozen(definition)).toBe(true);
  });

  test('is typed section by section', async () => {
    const definition = await good(join(golden, 'clean-one-file', 'schema.json'));
    expect(definition.entities.artifact).toEqual({
      name: 'artifact',
      fields: {
        namespace: { type: 'string', optional: false, normalize: ['trim', 'lower', 'replace:_:-'] },
        name: { type: 'string', optional: false, normalize: [] },
        version: { type: 'string', optional: false, normalize: [] },
        variant: { type: 'string', optional: true, normalize: [] },
      },
      primaryKey: ['namespace', 'name', 'version', 'variant'],
      constraints: [{ field: 'name', regex: '^[a-z0-9][a-z0-9._-]{0,127}$', whenPresent: false }],
    });
    expect(Object.keys(definition.entities)).toEqual(['artifact']);
    expect(definition.blobStores.primary).toEqual({
      kind: 'filesystem',
      root: 'blobs',
      pathTemplate: 'sha256/{digest:0:2}/{digest}',
      maxBlobBytes: 1024,
      minBlobBytes: 0,
    });
    expect(definition.documents.artifact_meta).toEqual({
      name: 'artifact_meta',
      store: 'meta',
      keyTemplate: 'artifact/{namespace}/{name}/{version}/{variant?}',
      schema: 'ArtifactMetaV1',
      blobs: ['blob_digest'],
      ttlSeconds: 0,
      encrypted: false,
      visibleWhen: null,
    });
    expect(definition.indexes.artifact_versions?.keys).toEqual([
      { name: 'by_name', fields: ['namespace', 'name'], sort: [{ field: 'version', descending: true }], unique: false },
    ]);
    expect(definition.auth.policies).toEqual([
      { name: 'allow_public_read', effect: 'allow', when: { 'route.tags': ['public'] }, requireScopes: ['read'] },
    ]);
    expect(definition.upstreams.origin).toMatchObject({
      baseUrl: '{env.ORIGIN_URL}',
      connectTimeoutMs: 2000,
      readTimeoutMs: 10000,
      maxAttempts: 2,
      backoffMs: 200,
      circuit: null,
      allowPrivateAddresses: false,
    });
    expect(definition.errors['*']).toEqual({ status: null, headers: {}, body: { error: '{error.message}' } });
    expect(definition.events['artifact.published']).toMatchObject({ name: 'artifact.published', durable: true });
  });

  test('may have `when` in the arguments of a step, from where it is lifted', async () => {
    const definition = await good(join(golden, 'clean-one-file'));
    const answered = stepsOf(definition, 'publish')[9];
    expect(answered).toEqual({
      op: 'respond.error',
      args: { status: 409, code: 'ALREADY_EXISTS', message: 'published already' },
      nested: {},
      when: { is_not_null: '$existing' },
      catch: null,
      label: null,
    });
    const beside = stepsOf(definition, 'fetch')[4];
    expect(beside).toMatchObject({ args: { status: 404, code: 'BLOB_NOT_FOUND' }, when: { is_null: '$blob' } });
    expect(definition.routes[1]).toMatchObject({
      methods: ['GET'],
      paths: expect.arrayContaining([expect.stringMatching(/blob$/)]),
    });
  });

  test('keeps keys such as __proto__ as keys', async () => {
    const text = '{"schema_version":"1","type_id":"t","features":{"__proto__":{"a":1}}}';
    const definition = await good(write('proto.json', text));
    expect(Object.getOwnPropertyNames(definition.features)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(definition.features)).toBe(Object.prototype);
    expect(definition.documents.constructor).toBeUndefined();
  });

  test('has kv stores of embedded kinds read as sqlite, settings of theirs left alone', async () => {
    const storage = { kv_stores: { a: { kind: 'rocksdb', path: 'x' }, b: { kind: 'memory' } } };
    const file = write('kinds.json', { schema_version: '1', type_id: 't', storage });
    const { definition, findings } = await loadDefinition(file, vocabulary);
    expect(definition?.kvStores).toEqual({
      a: { kind: 'sqlite', path: null, server: null },
      b: { kind: 'memory', path: null, server: null },
    });
    expect(findings.map((finding) => finding.code)).toEqual(['STORE_KIND_READ_AS']);
  });

  test('may ask only for kinds of stores that are available', async () => {
    const storage = { kv_stores: { a: { kind: 'mongodb' } } };
    const file = write('available.json', { schema_version: '1', type_id: 't', storage });
    const without = await loadDefinition(file, vocabulary);
    expect(without.findings.map((finding) => [finding.code, finding.fix])).toEqual([
      ['STORE_KIND', 'Available: memory, sqlite, pglite, postgres'],
    ]);
    const withIt = await loadDefinition(file, vocabulary, { availableKvKinds: ['mongodb'] });
    expect(withIt.findings).toEqual([]);
    expect(withIt.definition?.kvStores.a?.kind).toBe('mongodb');
  });

  test('may ask for searches only of kinds of stores that can', async () => {
    const storage = {
      kv_stores: { a: { kind: 'memory' } },
      documents: { note: { store: 'a', key_template: 'note/{name}' } },
    };
    const indexes = { notes: { source_document: 'note', keys: [], text: { name: 1 } } };
    const file = write('search.json', { schema_version: '1', type_id: 't', storage, indexes });
    expect((await loadDefinition(file, vocabulary)).findings).toEqual([]);
    // What the loader takes for granted where it is told nothing.
    for (const { capabilities } of Object.values(recordStores)) expect(capabilities.fullText).toBe(true);
    const { findings } = await loadDefinition(file, vocabulary, { fullTextKvKinds: ['postgres'] });
    expect(findings.map(({ code, message, fix, pointer }) => [code, message, fix, pointer])).toEqual([
      ['STORE_KIND', 'Stores of the kind "memory" cannot search texts', 'These can: postgres', '/indexes/notes/text'],
    ]);
  });
});

describe('a registry of packs', () => {
  test('has qualified names, and references of packs resolved to them', async () => {
    const definition = await good(join(golden, 'clean-packs'));
    expect(Object.keys(definition.documents)).toEqual(['notes.note']);
    expect(definition.documents['notes.note']).toMatchObject({
      name: 'notes.note',
      store: 'meta',
      schema: 'notes.Note',
    });
    expect(definition.schemas['notes.Note']).toMatchObject({ properties: { text: { $ref: 'notes.Text' } } });
    expect(definition.indexes['notes.by_owner']).toMatchObject({ document: 'notes.note' });
    expect(Object.keys(definition.events)).toEqual(['notes.written']);
    expect(Object.keys(definition.pipelines).sort()).toEqual(['notes.require_note', 'now']);
    const [, path, body, now, , put, emit] = stepsOf(definition, 'write_note');
    expect(path?.args).toEqual({ entity: 'notes.note' });
    expect(body?.args).toEqual({ out: 'body', schema: 'notes.Note' });
    expect(now?.args).toEqual({ pipeline: 'now' });
    expect(put?.args.doc).toBe('notes.note');
    expect(emit?.args.type).toBe('notes.written');
    expect(stepsOf(definition, 'own_notes')[0]?.args.index).toBe('notes.by_owner');
    expect(definition.routes.find((route) => route.id === 'read_note')?.returns).toEqual({ $ref: 'notes.Note' });
  });

  test('has routes under every mount of their pack', async () => {
    const definition = await good(join(golden, 'clean-packs'));
    const paths = Object.fromEntries(definition.routes.map((route) => [route.id, [route.pack, ...route.paths]]));
    expect(paths).toEqual({
      read_note: ['notes', '/notes/{name}', '/n/{name}'],
      write_note: ['notes', '/notes/{name}', '/n/{name}'],
      own_notes: ['search', '/search'],
    });
    expect(definition.packs.map((pack) => [pack.name, pack.mounts])).toEqual([
      ['notes', ['/notes', '/n']],
      ['search', ['/search']],
    ]);
    expect(definition.packs[0]).toMatchObject({
      challenge: ['Bearer realm="{request.base_url}"'],
      errors: { NOT_FOUND: { status: 404, headers: { 'X-Code': '{error.code}' }, body: { reason: '$error.message' } } },
    });
  });

  test('has nested steps as step definitions', async () => {
    const definition = await good(join(golden, 'clean-packs'));
    const each = stepsOf(definition, 'own_notes')[1];
    const inner = { op: 'set', args: { text: '{row.text?}' }, nested: {}, when: null, catch: null, label: null };
    expect(each?.nested).toEqual({ do: [inner] });
    expect(each?.args.do).toBe(each?.nested.do);
    expect(each?.args.collect).toEqual({ from: '$text', out: 'texts' });
  });

  test('is one JSON value in the form of a one-file registry', async () => {
    const definition = await good(join(golden, 'clean-packs'));
    expect(definition.raw).toMatchObject({
      type_id: 'acme.test',
      storage: {
        kv_stores: { meta: { kind: 'memory' } },
        documents: { 'notes.note': { store: 'meta', schema: 'Note' } },
      },
      entities: { 'notes.note': { primary_key: ['name'] } },
      events: { types: [{ name: 'notes.written' }] },
      api: {
        routes: [
          { id: 'read_note', pack: 'notes', path: ['/notes/{name}', '/n/{name}'] },
          { id: 'write_note', pack: 'notes', method: 'PUT' },
          { id: 'own_notes', pack: 'search', path: '/search' },
        ],
      },
    });
  });

  test('names the files it was read from', async () => {
    const { files, root } = await loadDefinition(join(golden, 'clean-packs'), vocabulary);
    expect(root).toBe(join(golden, 'clean-packs'));
    expect(files).toEqual([
      'routes/notes/pack.json',
      'routes/notes/read_note.json',
      'routes/notes/write_note.json',
      'routes/search/own_notes.json',
      'routes/search/pack.json',
      'schema.json',
    ]);
  });
});

describe('a registry that cannot be read', () => {
  const codes = (loaded: Loaded) => loaded.findings.map(({ code, file }) => [code, file]);

  test('is a finding', async () => {
    const nowhere = await loadDefinition(join(work, 'nowhere'), vocabulary);
    expect([nowhere.definition, codes(nowhere)]).toEqual([null, [['FILE_MISSING', 'schema.json']]]);
    const noFile = await loadDefinition(join(work, 'nowhere.json'), vocabulary);
    expect(codes(noFile)).toEqual([['FILE_MISSING', 'nowhere.json']]);
  });

  test('is a finding when it is not UTF-8 or not an object', async () => {
    const file = write('latin.json', '');
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]));
    expect(codes(await loadDefinition(file, vocabulary))).toEqual([['JSON_INVALID', 'latin.json']]);
    expect(codes(await loadDefinition(write('list.json', []), vocabulary))).toEqual([['SHAPE_INVALID', 'list.json']]);
    expect(codes(await loadDefinition(write('empty.json', ''), vocabulary))).toEqual([['JSON_INVALID', 'empty.json']]);
  });
});

test('1000 routes are checked in time that grows with them', async () => {
  const packs = Array.from({ length: 10 }, (_, index) => `p${index}`);
  for (const pack of packs) {
    write(`big/${pack}/pack.json`, {
      name: pack,
      mount: `/${pack}`,
      storage: { documents: { note: { store: 'meta', key_template: 'note/{name}' } } },
    });
    for (let route = 0; route < 100; route++) {
      write(`big/${pack}/${pack}_r${route}.json`, {
        id: `${pack}_r${route}`,
        method: ['PUT', 'POST'],
        path: `/r${route}/{name}`,
        pipeline: [
          { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } },
          { op: 'txn.begin' },
          { op: 'kv.get', args: { doc: 'note', key: 'note/{name}', out: 'note' } },
          {
            op: 'flow.if',
            args: {
              test: { is_null: '$note' },
              then: [{ op: 'set', args: { n: 1 } }],
              else: [{ op: 'set', args: { n: '{% note.n + 1 %}' } }],
            },
          },
          { op: 'kv.put', args: { doc: 'note', key: { name: '$name' }, value: { n: '$n', digest: '$blob.digest' } } },
          { op: 'txn.commit' },
          { op: 'respond.json', args: { status: 201, body: { n: '$n' }, headers: { Location: `/${pack}/{name}` } } },
        ],
      });
    }
  }
  const storage = { kv_stores: { meta: { kind: 'memory' } }, blob_stores: { primary: { kind: 'memory' } } };
  const schema = write('big/schema.json', { schema_version: '1', type_id: 't', packs, storage });
  const before = process.cpuUsage();
  const { definition, findings } = await loadDefinition(dirname(schema), vocabulary);
  const { user } = process.cpuUsage(before);
  expect(findings).toEqual([]);
  expect(definition?.routes.length).toBe(1000);
  // About a second; what grows with the square of the routes would take minutes.
  expect(user / 1e6).toBeLessThan(6);
}, 60_000);

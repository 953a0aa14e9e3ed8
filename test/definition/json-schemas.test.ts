import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { FILE_KINDS, type FileKind, fileSchema } from '../../src/definition/json-schemas/index.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Vocabulary } from '../../src/definition/vocabulary.ts';
import { filesBelow, ROOT, textOf } from '../house/source-files.ts';

/** `UPDATE_GOLDEN=1` writes `schemas/` anew. */
const folder = join(ROOT, 'schemas');
const validators = new Map<FileKind, ValidateFunction>();
let vocabulary: Vocabulary;

beforeAll(async () => {
  vocabulary = await loadVocabulary(join(ROOT, 'operations'));
  for (const kind of FILE_KINDS) {
    const ajv = new Ajv2020({ strictTypes: false, strictRequired: false, allowUnionTypes: true });
    validators.set(kind, ajv.compile(fileSchema(kind, vocabulary)));
  }
});

/** Where a file does not fit: the pointers of all that is said. */
function problems(kind: FileKind, json: unknown): readonly string[] {
  const validate = validators.get(kind);
  if (validate === undefined) throw new Error(`There is no schema of ${kind}`);
  return validate(json) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

const FILES: readonly (readonly [FileKind, string])[] = [
  ['registry', 'schema.json'],
  ...filesBelow('operations', '.json').map((file): [FileKind, string] => ['operation', file]),
  ...filesBelow('routes', '.json')
    .filter((file) => !file.endsWith('.test.json'))
    .map((file): [FileKind, string] => [file.endsWith('/pack.json') ? 'pack' : 'route', file]),
  ...readdirSync(join(ROOT, 'test/definition/golden'))
    .filter((name) => name.startsWith('clean-') || name === 'not-run')
    .map((name): [FileKind, string] => ['registry', `test/definition/golden/${name}/schema.json`]),
];

describe('the schemas of files', () => {
  test.each(FILES)('%s: %s fits', (kind, file) => {
    expect(problems(kind, JSON.parse(textOf(file)))).toEqual([]);
  });

  test.each(FILE_KINDS)('schemas/%s.schema.json is the one that is made', (kind) => {
    const text = `${JSON.stringify(fileSchema(kind, vocabulary), null, 2)}\n`;
    const file = join(folder, `${kind}.schema.json`);
    if (process.env.UPDATE_GOLDEN === '1') {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, text);
    }
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('the files of the default registry name them, so that editors find them', () => {
    for (const [kind, file] of FILES.filter(([, name]) => name === 'schema.json' || name.startsWith('routes/'))) {
      const up = '../'.repeat(file.split('/').length - 1) || './';
      expect(JSON.parse(textOf(file)).$schema, file).toBe(`${up}schemas/${kind}.schema.json`);
    }
  });

  test('tell operations apart: what one takes another does not', () => {
    const route = (step: object) => ({ id: 'a', method: 'GET', path: '/a', pipeline: [step] });
    const get = { doc: 'note', key: 'note/{name}', out: 'note' };
    expect(problems('route', route({ op: 'kv.get', args: get }))).toEqual([]);
    const wrong: readonly object[] = [
      { op: 'kv.gt', args: get },
      { op: 'kv.get' },
      { op: 'kv.get', args: { ...get, ot: 'x' } },
      { op: 'kv.get', args: { doc: 'note', key: 'note/{name}' } },
      { op: 'kv.get', args: { ...get, keys: ['note/a'] } },
      { op: 'kv.get', args: { ...get, out: '$note' } },
      { op: 'kv.get', args: get, whn: {} },
      { op: 'kv.get', args: get, when: { is_nul: '$name' } },
      { op: 'kv.get', args: get, catch: { NOT_FOUND: [{ op: 'respond.jsn' }] } },
      { op: 'respond.json', args: { status: 'teapot' } },
      { op: 'respond.json', args: { status: 99 } },
      { op: 'flow.if', args: { test: { is_null: '$name' }, then: [{ op: 'kv.get', args: { doc: 1 } }] } },
      { op: 'flow.each', args: { in: '$a', as: 'b', do: [], collect: { from: '$b' } } },
    ];
    for (const step of wrong) expect(problems('route', route(step)), JSON.stringify(step)).not.toEqual([]);
    const right: readonly object[] = [
      { op: 'respond.json', args: { status: '$status', body: [1], comment: 'said', when: { is_null: '$name' } } },
      { op: 'respond.json', args: { status: null, headers: { a: '{b}' } } },
      { op: 'set', args: { anything: 1, else: { $literal: '$x' } }, label: 'l', comment: 'said' },
      { op: 'flow.each', args: { in: '$a', as: 'b', do: [], collect: { from: '$b', out: 'c' } } },
      { op: 'kv.get', args: { doc: 'note', out: 'note' } },
      { op: 'kv.put', args: { doc: 'note', value: {} } },
      { op: 'flow.each', args: { in: '$a', as: 'b', where: { is_null: '$b' }, out: 'c' } },
      { op: 'txn.begin' },
    ];
    for (const step of right) expect(problems('route', route(step)), JSON.stringify(step)).toEqual([]);
  });

  test('say what an operation does and what its arguments are', () => {
    const { $defs } = fileSchema('route', vocabulary) as { $defs: Record<string, { description: string }> };
    expect($defs['arguments.kv.get']?.description).toContain(vocabulary.get('kv.get')?.summary);
  });

  test.each([
    ['registry', { schema_version: '1.0', type_id: 't', storge: {} }],
    ['registry', { schema_version: '1.0', type_id: 't', ops: { limits: { max_json_bytes: '1' } } }],
    ['registry', { schema_version: '1.0', type_id: 't', auth: { policies: [{ name: 'p', effect: 'alow' }] } }],
    ['pack', { name: 'Books', mount: '' }],
    ['pack', { name: 'books', mount: '', auth: {} }],
    ['operation', { op: 'a.b', summary: 's', effect: 'pur' }],
    ['operation', { op: 'a.b', summary: 's', effect: 'pure', args: { x: { kind: 'bin' } } }],
  ] as const)('%s %j does not fit', (kind, json) => {
    expect(problems(kind, json)).not.toEqual([]);
  });
});

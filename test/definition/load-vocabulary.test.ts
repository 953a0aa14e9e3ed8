import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { RegistryError } from '../../src/errors/registry-error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vocabulary-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, json: unknown): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), typeof json === 'string' ? json : JSON.stringify(json));
}

async function failure(): Promise<RegistryError> {
  const error: unknown = await loadVocabulary(folder).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RegistryError)) throw new Error('A RegistryError was expected');
  expect(error.code).toBe('DEFINITION_INVALID');
  return error;
}

test('an operation has its defaults filled in', async () => {
  write('flow/noop.json', {
    op: 'flow.noop',
    summary: 'Nothing',
    effect: 'pure',
    args: { x: { kind: 'template' }, y: { kind: 'bind', nullable: true, default: 'z' } },
  });
  const vocabulary = await loadVocabulary(folder);
  expect([...vocabulary.keys()]).toEqual(['flow.noop']);
  const common = { description: '', required: false, to: null, many: false, schema: null, scope: 'maybe' };
  expect(vocabulary.get('flow.noop')).toEqual({
    op: 'flow.noop',
    summary: 'Nothing',
    description: '',
    effect: 'pure',
    args: {
      x: { ...common, kind: 'template', default: undefined, nullable: false },
      y: { ...common, kind: 'bind', default: 'z', nullable: true },
    },
    oneOf: [],
    errors: [],
    examples: [],
  });
});

test('a bare name stands in any family', async () => {
  write('flow/set.json', { op: 'set', summary: 'Set', effect: 'pure', args: {} });
  expect((await loadVocabulary(folder)).has('set')).toBe(true);
});

test('whatever is wrong is named with its file and line', async () => {
  write(
    'a/one.json',
    '{\n  "op": "a.one",\n  "summary": "x",\n  "effect": "pur",\n  "args": { "doc": { "kind": "reference" } },\n  "oneOf": [["doc", "nope"]]\n}\n',
  );
  write('a/two.json', '{ "op": ');
  const { message } = await failure();
  expect(message.split('\n').filter((line) => !line.startsWith(' '))).toEqual([
    'The vocabulary has errors:',
    'a/one.json:4:13  error  SHAPE_INVALID  "effect" cannot be "pur"',
    'a/one.json:5:20  error  SHAPE_INVALID  "doc" does not say what it refers "to"',
    'a/one.json:6:12  error  SHAPE_INVALID  Group 0 names no argument "nope"',
    'a/two.json:1:9  error  JSON_INVALID  This is not valid JSON: a value is expected here',
  ]);
});

test('two operations of one name are refused', async () => {
  write('a/set.json', { op: 'set', summary: 'Set', effect: 'pure' });
  write('b/set.json', { op: 'set', summary: 'Set', effect: 'pure' });
  expect((await failure()).message).toContain('b/set.json:1:7  error  DUPLICATE_ID');
});

test('a file is named after its operation', async () => {
  write('kv/got.json', { op: 'kv.get', summary: 'Get', effect: 'read' });
  expect((await failure()).message).toContain(
    'kv/got.json:1:7  error  SHAPE_INVALID  The file of the operation "kv.get" is not named after it',
  );
});

test('a folder that is not there is refused', async () => {
  folder = join(folder, 'missing');
  expect((await failure()).message).toContain('cannot be read');
});

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { ERROR_CODES } from '../../src/errors/codes.ts';
import { byName, CONTROL_OPERATIONS, HANDLERS } from '../../src/operations/index.ts';

const vocabulary = await loadVocabulary(fileURLToPath(new URL('../../operations', import.meta.url)));

test('every operation that is defined is implemented, and the reverse', () => {
  expect([...HANDLERS.keys(), ...CONTROL_OPERATIONS].sort()).toEqual([...vocabulary.keys()].sort());
});

test('every error code of a definition is in the table', () => {
  const unknown = [...vocabulary.values()].flatMap(({ op, errors }) =>
    errors.filter((code) => !Object.hasOwn(ERROR_CODES, code)).map((code) => `${op} ${code}`),
  );
  expect(unknown).toEqual([]);
});

test('every argument is described, and every operation shows what it does and how it fails', () => {
  const poor: string[] = [];
  for (const { op, summary, args, errors, examples } of vocabulary.values()) {
    if (summary === '') poor.push(`${op} has no summary`);
    for (const [name, argument] of Object.entries(args)) {
      if (argument.description === '') poor.push(`${op} ${name} has no description`);
    }
    if (examples.length < 2) poor.push(`${op} has fewer than two examples`);
    if (errors.length > 0 && !examples.some((example) => example.expect.error !== undefined)) {
      poor.push(`${op} shows no failure`);
    }
    if (new Set(examples.map((example) => example.name)).size < examples.length)
      poor.push(`${op} has two examples of one name`);
  }
  expect(poor).toEqual([]);
});

test('a second handler of one name is refused', () => {
  const handler = HANDLERS.get('set')!;
  expect(() => byName([handler, handler])).toThrow('two handlers of the operation set');
});

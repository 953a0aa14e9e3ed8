import { expect, test } from 'vitest';
import type { OperationDefinition, OperationExample } from '../../src/definition/vocabulary.ts';
import { vocabulary } from '../../src/main.ts';
import { verifyOperations } from '../../src/verify/operations.ts';
import { notes, trialOf } from './notes-trial.ts';

const words = await vocabulary();
const SET = words.get('set')!;

/** A definition that may use `set` alone, with a vocabulary in which some operations are others. */
async function verify(
  changed: Readonly<Record<string, OperationDefinition | null>>,
  allowed: readonly string[] = ['set'],
) {
  const { definition } = await trialOf(notes());
  const own = new Map(words);
  for (const [op, operation] of Object.entries(changed)) {
    if (operation === null) own.delete(op);
    else own.set(op, operation);
  }
  const narrowed = { ...definition, routes: [], ops: { ...definition.ops, allowed } };
  const { checks } = await verifyOperations(narrowed, own, ['memory']);
  return Object.fromEntries(
    checks.filter(({ outcome }) => outcome === 'failed').map(({ name, details }) => [name, details]),
  );
}

test('a vocabulary that is right', async () => {
  expect(await verify({})).toEqual({});
});

test('operations that are only defined, only implemented, or only allowed', async () => {
  expect(await verify({ 'made.up': { ...SET, op: 'made.up' }, 'kv.get': null }, ['set', 'not.there'])).toEqual({
    'every operation that is defined is implemented': ['made.up'],
    'every operation that is implemented is defined': ['kv.get'],
    'every operation that is allowed exists': ['not.there'],
  });
});

test('examples that do not hold, or cannot be run', async () => {
  const examples: readonly OperationExample[] = [
    { name: 'wrong', given: {}, step: { op: 'set', args: { a: 1 } }, expect: { bindings: { a: 2 } } },
    { name: 'no error', given: {}, step: { op: 'set', args: { a: 1 } }, expect: { error: 'NOT_FOUND' } },
    { name: 'no step', given: {}, step: { op: 'sett', args: {} }, expect: {} },
  ];
  const failed = await verify({ set: { ...SET, examples } });
  expect(failed["the operations' examples hold on memory"]).toEqual([
    expect.stringMatching(/^set, "no error": body\/error: expected \{"code":"NOT_FOUND"\}, got undefined$/),
    expect.stringMatching(/^set, "no error": status: expected "an error", got 200$/),
    expect.stringMatching(/^set, "no step": The example does not pass the checker:\n.*UNKNOWN_OPERATION/),
    'set, "wrong": bindings/a: expected 2, got 1',
  ]);
});

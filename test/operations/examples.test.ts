import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { runExample } from '../../src/trial/run-example.ts';
import { ALL_STORE_KINDS, storesOf } from '../support/record-stores.ts';

const vocabulary = await loadVocabulary(fileURLToPath(new URL('../../operations', import.meta.url)));

for (const kind of ALL_STORE_KINDS) {
  for (const { op, examples } of vocabulary.values()) {
    describe(`${op} on ${kind}`, () => {
      test.each(examples.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
        const kinds = { records: kind, memory: kind === 'memory', ...(await storesOf(kind)) };
        expect(await runExample(example, vocabulary, kinds)).toEqual([]);
      });
    });
  }
}

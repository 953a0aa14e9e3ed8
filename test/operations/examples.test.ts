import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { runExample } from '../../src/trial/run-example.ts';

const vocabulary = await loadVocabulary(fileURLToPath(new URL('../../operations', import.meta.url)));

const STORES = [
  { records: 'memory', memory: true },
  { records: 'sqlite', memory: false },
];

for (const kinds of STORES) {
  for (const { op, examples } of vocabulary.values()) {
    describe(`${op} on ${kinds.records}`, () => {
      test.each(examples.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
        expect(await runExample(example, vocabulary, kinds)).toEqual([]);
      });
    });
  }
}

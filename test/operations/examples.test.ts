import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { recordStores } from '../../src/adapters/index.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { runExample } from '../../src/trial/run-example.ts';

const vocabulary = await loadVocabulary(fileURLToPath(new URL('../../operations', import.meta.url)));

const STORES = [
  { records: 'memory', memory: true },
  { records: 'sqlite', memory: false },
] as const;

for (const kinds of STORES) {
  for (const { op, examples } of vocabulary.values()) {
    if (op.startsWith('search.') && !recordStores[kinds.records].capabilities.fullText) continue;
    describe(`${op} on ${kinds.records}`, () => {
      test.each(examples.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
        expect(await runExample(example, vocabulary, kinds)).toEqual([]);
      });
    });
  }
}

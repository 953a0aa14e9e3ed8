import { expect, test } from 'vitest';
import { FINDING_CODES } from '../../src/definition/finding-codes.ts';
import { referencePages } from '../../src/inspect/reference.ts';
import { textOf } from '../house/source-files.ts';
import { inspected } from './inspected.ts';

test('the committed reference is what `entrepot docs` renders', async () => {
  const { definition, vocabulary } = await inspected();
  for (const { name, text } of referencePages(definition, vocabulary)) {
    expect(textOf(`docs/${name}`), `docs/${name} is stale: run bin/entrepot docs`).toBe(text);
  }
});

test('every operation and every route has its place in it, and tables hold together', async () => {
  const { definition, vocabulary } = await inspected();
  const [operations, findings, routes] = referencePages(definition, vocabulary).map(({ text }) => text);
  for (const code of Object.keys(FINDING_CODES)) expect(findings).toContain(code);
  for (const op of vocabulary.keys()) expect(operations).toContain(`\n## ${op}\n`);
  for (const { id } of definition.routes) expect(routes).toContain(`\n## ${id}\n`);
  for (const text of [operations, routes]) {
    let columns = 0;
    for (const line of String(text).split('\n')) {
      const cells = line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 0;
      if (columns !== 0 && cells !== 0) expect(cells, line).toBe(columns);
      columns = cells;
    }
  }
});

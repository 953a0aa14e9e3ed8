import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../house/source-files.ts';

const FOLDER = join(ROOT, 'routes/npm');

/** Lines of the pack without its tests, to the nearest ten, as the documents print them; and its steps. */
function sizeOfPack(): { readonly lines: string; readonly steps: string; readonly files: number } {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json') && !name.endsWith('.test.json'));
  const texts = names.map((name) => readFileSync(join(FOLDER, name), 'utf8'));
  const lines = texts.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0);
  const steps = texts.reduce((sum, text) => sum + (text.match(/"op": /g) ?? []).length, 0);
  const rounded = Math.round(lines / 10) * 10;
  return { lines: rounded.toLocaleString('en').replace(',', ' '), steps: String(steps), files: names.length };
}

test('the documents say how large the pack is', () => {
  const { lines, steps, files } = sizeOfPack();

  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  expect(readme).toContain(`${lines} lines of JSON`);
  expect(readme).toContain(`${steps} steps`);

  const page = readFileSync(join(ROOT, 'docs/npm.md'), 'utf8');
  expect(page).toContain(`The pack is ${lines} lines of JSON in ${files} files, ${steps} steps`);
});

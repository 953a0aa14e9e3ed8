import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FINDING_CODES } from '../../src/definition/finding-codes.ts';
import { renderFindings } from '../../src/definition/render-findings.ts';
import { ROOT, textOf } from '../house/source-files.ts';

/** `UPDATE_GOLDEN=1` writes the page anew. */
test('docs/findings.md is the page that is made from the table', () => {
  const page = renderFindings();
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(join(ROOT, 'docs/findings.md'), page);
  expect(textOf('docs/findings.md')).toBe(page);
  for (const code of Object.keys(FINDING_CODES)) expect(page).toContain(`### ${code}\n`);
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderedPage } from '../../bench/page.ts';

test('docs/performance.md shows the runs in bench/results: npm run bench -- --render writes it', () => {
  expect(readFileSync('docs/performance.md', 'utf8')).toBe(renderedPage());
});

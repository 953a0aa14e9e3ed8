import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../support/run-program.ts';
import { ROOT } from './source-files.ts';

const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);

test('the types fit', { timeout: 120_000 }, async () => {
  const { code, stdout } = await runProgram(bin('tsc'), ['--noEmit'], { cwd: ROOT });
  expect(stdout).toBe('');
  expect(code).toBe(0);
});

test('the linter and the formatter have nothing to say', { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await runProgram(bin('biome'), ['ci', '--error-on-warnings', '--colors=off'], {
    cwd: ROOT,
  });
  expect(code, stdout + stderr).toBe(0);
});

import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readServeOptions } from '../../src/cli/serve-options.ts';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, HELLO, writeRegistry } from './definitions.ts';

/** Runs a server that is expected to refuse. */
async function refused(content: unknown, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  const registry = writeRegistry(folder, 'registry', content);
  const rest = ['--registry', registry, '--data', join(folder, 'data'), ...args];
  const outcome = await runProgram(join(ROOT, 'bin/entrepot'), ['serve', ...rest], {
    env: { ...process.env, PORT: '0', ...env },
  });
  return { ...outcome, folder };
}

describe('serve --workers refuses', () => {
  test.each(['memory', 'pglite'])('records of the kind %s, which one process has to itself', async (store) => {
    const { code, stdout, stderr } = await refused(HELLO, ['--workers', '2', '--store', store]);
    expect(stderr).toBe(
      `STORE_NOT_SHARED: The record store "meta" is of the kind "${store}", which one process has to itself: serve it with one worker, or keep it elsewhere\n`,
    );
    expect([code, stdout]).toEqual([1, '']);
  });

  test('blobs in memory', async () => {
    const addressing = { mode: 'content_addressed', digest: 'sha256', path_template: '{digest}' };
    const storage = { ...HELLO.storage, blob_stores: { bytes: { kind: 'memory', root: 'blobs', addressing } } };
    const { code, stderr } = await refused({ ...HELLO, storage }, ['--workers', '2']);
    expect(stderr).toContain('STORE_NOT_SHARED: The blob store "bytes"');
    expect(code).toBe(1);
  });

  test('a definition with errors, told of once', async () => {
    const { code, stdout, stderr, folder } = await refused(BROKEN_TEXT, ['--workers', '3']);
    expect(stderr).toMatch(/^schema\.json:5:\d+ {2}error {2}/m);
    expect(stderr.match(/This definition has errors and is not served\./g)).toHaveLength(1);
    expect([code, stdout]).toEqual([1, '']);
    expect(readdirSync(folder)).toEqual(['registry']);
  });

  test('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const { code, stderr } = await refused(HELLO, ['--workers', '2', '--port', port]);
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use by another program.`);
    expect(code).toBe(1);
  });

  test('--watch', async () => {
    const { code, stderr } = await refused(HELLO, ['--watch'], { ENTREPOT_WORKERS: '2' });
    expect(stderr).toContain('--watch goes with one worker only');
    expect(code).toBe(2);
  });
});

describe('--workers', () => {
  const read = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    readServeOptions(args, { env }).workers;

  test('is one by default, and what ENTREPOT_WORKERS says', () => {
    expect(read([])).toBe(1);
    expect(read([], { ENTREPOT_WORKERS: '' })).toBe(1);
    expect(read([], { ENTREPOT_WORKERS: '3' })).toBe(3);
    expect(read(['--workers', '2'], { ENTREPOT_WORKERS: '3' })).toBe(2);
  });

  test('auto is one for each core', () => {
    expect(read(['--workers', 'auto'])).toBeGreaterThanOrEqual(1);
  });

  test.each(['0', '-1', '1.5', 'many', '257', ''])('is not "%s"', (text) => {
    expect(() => read(['--workers', text])).toThrow('--workers');
  });
});

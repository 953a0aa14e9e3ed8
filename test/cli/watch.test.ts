import { spawn } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, HELLO, writeRegistry } from './definitions.ts';

const WAIT = { timeout: 15_000, interval: 20 };
const ROUTE = JSON.stringify({ ...HELLO.api.routes[0], id: 'more', path: '/more' });
const PACKED = { ...HELLO, packs: ['routes/more'] };

/** As editors do it: written beside, then moved into place. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

describe('entrepot check --watch', { timeout: 60_000 }, () => {
  function start(file: string, ...args: string[]) {
    const child = spawn(join(ROOT, 'bin/entrepot'), ['check', file, '--watch', ...args], { cwd: ROOT });
    const ended = new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    return { child, ended, lines: () => output.split('\n').filter((line) => line !== '') };
  }

  test('checks again when a file changes, and ends with what it found last', async () => {
    const file = writeRegistry(temporaryFolder(), 'hello', HELLO);
    const { child, ended, lines } = start(file);
    await vi.waitFor(() => expect(lines().at(-1)).toMatch(/^Checked at .* Waiting for changes/), WAIT);
    expect(lines()).toContain('No findings');
    replaceFile(file, BROKEN_TEXT);
    await vi.waitFor(() => expect(lines().filter((line) => line.startsWith('Checked at'))).toHaveLength(2), WAIT);
    expect(lines().join('\n')).toMatch(/schema\.json:5:13 {2}error {2}UNKNOWN_OPERATION/);
    child.kill('SIGINT');
    expect(await ended).toBe(1);
  });

  test('prints an array a line for programs, and notices packs that come and go', async () => {
    const folder = temporaryFolder();
    const file = writeRegistry(folder, 'hello', PACKED);
    const { child, ended, lines } = start(join(folder, 'hello'), '--json');
    await vi.waitFor(() => expect(lines()).toHaveLength(1), WAIT);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject([{ code: 'FILE_MISSING', severity: 'error' }]);
    writeRegistry(join(folder, 'hello', 'routes'), 'more', {});
    replaceFile(join(folder, 'hello/routes/more/pack.json'), '{"name": "more", "mount": ""}');
    rmSync(join(folder, 'hello/routes/more/schema.json'));
    replaceFile(join(folder, 'hello/routes/more/more.json'), ROUTE);
    await vi.waitFor(() => expect(JSON.parse(lines().at(-1) ?? '')).toEqual([]), WAIT);
    replaceFile(file, JSON.stringify(HELLO).replace('respond.json"', 'respond.jso"'));
    await vi.waitFor(() => expect(JSON.parse(lines().at(-1) ?? '')[0]?.severity).toBeDefined(), WAIT);
    child.kill('SIGTERM');
    await ended;
  });
});

describe('entrepot serve --watch', { timeout: 60_000 }, () => {
  test('takes in a definition that checks clean, and goes on with the one before otherwise', async () => {
    const folder = temporaryFolder();
    const file = writeRegistry(folder, 'hello', HELLO);
    const server = await startServerProcess({ registry: file, data: join(folder, 'data'), args: ['--watch'] });
    onTestFinished(async () => {
      await server.kill('SIGKILL');
    });
    const hello = async () => (await fetch(`${server.url}/hello`)).json();
    expect(await hello()).toEqual({ hello: 'world' });
    const changed = JSON.stringify(HELLO).replace('"world"', '"again"');
    replaceFile(file, changed);
    await vi.waitFor(async () => expect(await hello()).toEqual({ hello: 'again' }), WAIT);
    expect(server.output().stdout).toContain('Took in the changed definition: 1 route');
    replaceFile(file, BROKEN_TEXT);
    await vi.waitFor(() => expect(server.output().stderr).toContain('the one before goes on. It has errors'), WAIT);
    expect(server.output().stderr).toMatch(/UNKNOWN_OPERATION/);
    expect(await hello()).toEqual({ hello: 'again' });
    replaceFile(file, changed.replace('"kind":"sqlite"', '"kind":"memory"'));
    await vi.waitFor(() => expect(server.output().stderr).toContain('restart the server'), WAIT);
    expect(await hello()).toEqual({ hello: 'again' });
    await server.stop();
  });
});

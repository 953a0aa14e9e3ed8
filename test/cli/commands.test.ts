import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, HELLO, writeRegistry } from './definitions.ts';

const entrepot = (args: readonly string[], cwd = ROOT, env: Readonly<Record<string, string>> = {}) =>
  runProgram(join(ROOT, 'bin/entrepot'), args, { cwd, env: { ...process.env, ...env } });

describe('entrepot', () => {
  test.each([[[]], [['help']], [['--help']], [['-h']]])('%j lists the commands', async (args) => {
    const { code, stdout } = await entrepot(args);
    expect(code).toBe(0);
    for (const name of ['serve', 'check', 'version', 'help']) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test.each(['serve', 'check', 'version', 'help'])('%s explains itself, asked either way', async (name) => {
    const asked = await entrepot([name, '--help']);
    expect(asked.code).toBe(0);
    expect(asked.stdout).toMatch(new RegExp(`^Usage: entrepot ${name}`));
    expect((await entrepot(['help', name])).stdout).toBe(asked.stdout);
  });

  test('prints its version', async () => {
    expect((await entrepot(['version'])).stdout).toMatch(/^entrepot \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/);
    expect((await entrepot(['--version'])).code).toBe(0);
  });

  test.each([
    [['frobnicate'], /There is no command "frobnicate"/],
    [['constructor'], /There is no command "constructor"/],
    [['help', 'nothing'], /There is no command "nothing"/],
    [['serve', '--prot', '1'], /--prot/],
    [['serve', '--port', '70000'], /"70000" is not a port/],
    [['serve', '--port', '-1'], /port/],
    [['serve', '--base-url', 'ftp://x'], /is not an address/],
    [['serve', 'extra'], /What is "extra" meant to be/],
    [['check', 'a', 'b'], /What is "b" meant to be/],
  ])('%j is told what is wrong with it, exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await entrepot(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^See: entrepot /m);
    expect(stderr).not.toMatch(/\bat .*\.ts:/);
  });
});

describe('entrepot check', () => {
  test('says where, what and how to mend it, and exits with 1', async () => {
    const file = writeRegistry(temporaryFolder(), 'broken', BROKEN_TEXT);
    const { code, stdout } = await entrepot(['check', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^schema\.json:5:\d+ {2}error {2}[A-Z_]+ {2}.*respond\.jsn/m);
    expect(stdout).toMatch(/^ {4}\S.*respond\.json/m);
    expect(stdout).toMatch(/^\d+ errors?, \d+ warnings?$/m);
    expect(stdout).not.toContain('\u001b');
  });

  test('prints findings as JSON', async () => {
    const file = writeRegistry(temporaryFolder(), 'broken', BROKEN_TEXT);
    const { code, stdout } = await entrepot(['check', '--json', dirname(file)]);
    expect(code).toBe(1);
    const findings: unknown = JSON.parse(stdout);
    expect(findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          severity: 'error',
          file: 'schema.json',
          line: 5,
          pointer: expect.stringContaining('/pipeline/0'),
        }),
      ]),
    );
  });

  test('exits with 0 where there are no errors', async () => {
    const file = writeRegistry(temporaryFolder(), 'hello', HELLO);
    const { code, stdout } = await entrepot(['check', file]);
    expect(stdout).not.toMatch(/ {2}error {2}/);
    expect(code).toBe(0);
  });

  test('takes the registry of the current folder, else the one of the package', async () => {
    const folder = temporaryFolder();
    expect((await entrepot(['check'], folder)).code).toBe(0);
    const file = writeRegistry(folder, 'broken', BROKEN_TEXT);
    expect((await entrepot(['check'], dirname(file))).code).toBe(1);
  });

  test.each([
    ['a file that is not there', 'nowhere.json', null],
    ['a file that is not JSON', 'bad', '{ "schema_version": '],
  ])('tells of %s', async (_, name, text) => {
    const folder = temporaryFolder();
    const path = text === null ? join(folder, name) : writeRegistry(folder, name, text);
    const { code, stdout, stderr } = await entrepot(['check', path]);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/\bat .*\.ts:/);
    expect(stdout + stderr).not.toBe('');
  });
});

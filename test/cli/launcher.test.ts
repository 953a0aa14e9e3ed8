import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A package folder whose command line only tells which Node runs it and how. */
function fakePackage(folder: string, layout: 'checkout' | 'package'): string {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  cpSync(join(ROOT, 'bin/entrepot'), join(folder, 'bin/entrepot'));
  const main = join(folder, layout === 'checkout' ? 'src/cli/main.ts' : 'dist/entrepot.js');
  mkdirSync(dirname(main), { recursive: true });
  writeFileSync(
    main,
    'console.log(JSON.stringify({ main: process.argv[1], node: process.execPath, args: process.argv.slice(2) }));',
  );
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return join(folder, 'bin/entrepot');
}

/** A folder for the PATH with a `node` that says it is of this version, and the few tools that the launcher uses. */
function pathWithNode(folder: string, version: string | null): string {
  mkdirSync(folder, { recursive: true });
  for (const tool of ['sh', 'dirname', 'readlink']) {
    const real = ['/usr/bin', '/bin'].map((place) => join(place, tool)).find((path) => existsSync(path));
    symlinkSync(String(real), join(folder, tool));
  }
  if (version !== null) writeNode(join(folder, 'node'), version);
  return folder;
}

function writeNode(path: string, version: string): void {
  mkdirSync(dirname(path), { recursive: true });
  // The option about memory comes before the program.
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo v${version}; else shift; echo "ran ${path}" "$@"; fi\n`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
}

describe('bin/entrepot', () => {
  test.each(['24.7.0', '24.21.0', '25.0.0', '100.0.0'])('takes the Node %s that is there', async (version) => {
    const folder = temporaryFolder();
    const launcher = fakePackage(join(folder, 'p'), 'checkout');
    const path = pathWithNode(join(folder, 'path'), version);
    const { code, stdout } = await runProgram(launcher, ['serve', '--data', 'a b', ''], { env: { PATH: path } });
    expect(stdout).toBe(`ran ${path}/node ${join(folder, 'p/src/cli/main.ts')} serve --data a b \n`);
    expect(code).toBe(0);
  });

  test.each(['20.20.2', '24.6.9', '22.99.0', 'x'])('passes over the Node %s and takes its own', async (version) => {
    const folder = temporaryFolder();
    const launcher = fakePackage(join(folder, 'p'), 'package');
    const path = pathWithNode(join(folder, 'path'), version);
    writeNode(join(folder, 'p/node_modules/node/bin/node'), '24.21.0');
    const { stdout } = await runProgram(launcher, ['check'], { env: { PATH: path } });
    expect(stdout).toBe(
      `ran ${join(folder, 'p/node_modules/node/bin/node')} ${join(folder, 'p/dist/entrepot.js')} check\n`,
    );
  });

  test('finds a Node that was installed beside it, when called through a link', async () => {
    const folder = temporaryFolder();
    fakePackage(join(folder, 'node_modules/entrepot'), 'package');
    writeNode(join(folder, 'node_modules/node/bin/node'), '24.21.0');
    mkdirSync(join(folder, 'node_modules/.bin'));
    symlinkSync('../entrepot/bin/entrepot', join(folder, 'node_modules/.bin/entrepot'));
    symlinkSync(join(folder, 'node_modules/.bin/entrepot'), join(folder, 'link'));
    const path = pathWithNode(join(folder, 'path'), null);
    const { stdout } = await runProgram(join(folder, 'link'), [], { env: { PATH: path } });
    expect(stdout).toContain(
      `ran ${join(folder, 'node_modules/node/bin/node')} ${join(folder, 'node_modules/entrepot/dist/entrepot.js')}`,
    );
  });

  test.each([
    ['20.20.2', 'v20.20.2'],
    [null, 'none'],
  ])('with nothing but Node %s says what is needed', async (version, found) => {
    const folder = temporaryFolder();
    const launcher = fakePackage(join(folder, 'p'), 'checkout');
    const path = pathWithNode(join(folder, 'path'), version);
    const { code, stdout, stderr } = await runProgram(launcher, ['serve'], { env: { PATH: path } });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `Entrepot needs Node 24.7 or later (found: ${found}). Install it, or run "npm ci" in a checkout of Entrepot, which brings its own.\n`,
    );
  });

  test('replaces itself by Node: one process, which gets the signals', async () => {
    const folder = temporaryFolder();
    const launcher = fakePackage(join(folder, 'p'), 'checkout');
    writeFileSync(join(folder, 'p/src/cli/main.ts'), 'console.log(process.pid, process.ppid);');
    const { stdout } = await runProgram('/bin/sh', ['-c', `echo $$; exec "${launcher}"`], {
      env: { PATH: `${join(ROOT, 'node_modules/.bin')}:/usr/bin:/bin` },
    });
    const [shell, node] = stdout.split('\n');
    expect(node).toBe(`${shell} ${process.pid}`);
  });

  test.each<[string, (home: string) => Readonly<Record<string, string>>, (home: string) => string | null]>([
    ['the home folder', (home) => ({ HOME: home }), (home) => `${home}/.cache/entrepot`],
    [
      'XDG_CACHE_HOME',
      (home) => ({ HOME: home, XDG_CACHE_HOME: `${home}/caches` }),
      (home) => `${home}/caches/entrepot`,
    ],
    ['NODE_COMPILE_CACHE', (home) => ({ HOME: home, NODE_COMPILE_CACHE: '/chosen' }), () => '/chosen'],
    ['no folder that cannot be told to be its own', () => ({ HOME: '/nobody-here' }), () => null],
    ['nothing', () => ({}), () => null],
  ])('what Node compiled is kept by %s', async (_, env, folder) => {
    const home = temporaryFolder();
    const launcher = fakePackage(join(temporaryFolder(), 'p'), 'checkout');
    writeFileSync(
      join(dirname(launcher), '../src/cli/main.ts'),
      'console.log(process.env.NODE_COMPILE_CACHE ?? null);',
    );
    const { stdout } = await runProgram(launcher, [], {
      env: { ...env(home), NODE_DISABLE_COMPILE_CACHE: '1', PATH: `${join(ROOT, 'node_modules/.bin')}:/usr/bin:/bin` },
    });
    expect(stdout).toBe(`${folder(home)}\n`);
  });

  test('what another user left in the cache folder is not run', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('Only root can give a folder away');
    const home = temporaryFolder();
    mkdirSync(join(home, '.cache/entrepot'), { recursive: true });
    chownSync(join(home, '.cache/entrepot'), 65_534, 65_534);
    const launcher = fakePackage(join(temporaryFolder(), 'p'), 'checkout');
    writeFileSync(
      join(dirname(launcher), '../src/cli/main.ts'),
      'console.log(process.env.NODE_COMPILE_CACHE ?? null);',
    );
    const { stdout } = await runProgram(launcher, [], {
      env: { HOME: home, PATH: `${join(ROOT, 'node_modules/.bin')}:/usr/bin:/bin` },
    });
    expect(stdout).toBe('null\n');
  });
});

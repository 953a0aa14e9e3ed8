import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow, ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const INSTALL_MS = 300_000;

/** The package as others get it: packed, and installed in a folder that knows nothing of this checkout. */
describe('the packed tarball', () => {
  const folder = makeTemporaryFolder();
  const project = join(folder.path, 'project');
  const program = join(project, 'node_modules/.bin/entrepot');
  let packed: readonly string[] = [];

  async function npm(args: readonly string[], cwd: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram('npm', args, { cwd });
    if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  beforeAll(async () => {
    await runProgram('mkdir', [project]);
    const report: unknown = JSON.parse(
      await npm(['pack', '--json', '--silent', '--pack-destination', folder.path], ROOT),
    );
    packed = filesOf(report);
    const tarball = readdirSync(folder.path).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true }');
    await npm(['install', '--no-audit', '--no-fund', join(folder.path, String(tarball))], project);
  }, INSTALL_MS);
  afterAll(folder.remove);

  test('holds what it needs to run and nothing else', () => {
    const strange = packed.filter(
      (path) =>
        !/^(?:bin|dist|operations|routes|seed_data|templates|schemas)\/|^(?:schema|package)\.json$|^(?:README|CHANGELOG)\.md$|^LICENSE$/.test(
          path,
        ),
    );
    expect(strange).toEqual([]);
    expect(packed).toEqual(
      expect.arrayContaining([
        'bin/entrepot',
        'dist/entrepot.js',
        'dist/LICENSES.txt',
        'schema.json',
        'LICENSE',
        'README.md',
      ]),
    );
    expect(packed.filter((path) => path.endsWith('.ts'))).toEqual([]);
  });

  test('serves its own registry', async () => {
    const server = await startServerProcess({ program, data: join(project, 'data'), cwd: project });
    const health = await fetch(`${server.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ ok: true });
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    const schema: unknown = await (await fetch(`${server.url}/schema`)).json();
    expect(schema).toMatchObject({ type_id: expect.any(String) });
    await server.stop();
  });

  describe('and what Node compiled of it', () => {
    const serve = async (cache: string, data: string) => {
      const server = await startServerProcess({
        program,
        data: join(project, data),
        cwd: project,
        env: { NODE_COMPILE_CACHE: cache },
      });
      expect((await fetch(`${server.url}/ready`)).status).toBe(200);
      return server;
    };
    const kept = (cache: string): readonly string[] =>
      readdirSync(cache, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name));

    test('is kept, by two that start at once, too', async () => {
      const cache = join(folder.path, 'shared-cache');
      const servers = await Promise.all(['one', 'two'].map((data) => serve(cache, data)));
      for (const server of servers) {
        await server.stop();
        expect(server.output().stderr).toBe('');
      }
      const files = kept(cache);
      expect(files.length).toBeGreaterThan(10);
      await (await serve(cache, 'one')).stop();
      expect(kept(cache)).toEqual(files);
    });

    test('does no harm when it is damaged', async () => {
      const cache = join(folder.path, 'damaged-cache');
      await (await serve(cache, 'one')).stop();
      kept(cache).forEach((file, index) => {
        if (index % 3 === 0) truncateSync(file, statSync(file).size >> 1);
        else writeFileSync(file, Buffer.alloc(statSync(file).size, index));
      });
      const server = await serve(cache, 'one');
      await server.stop();
      expect(server.output().stderr).toBe('');
    });

    test('is made anew where it cannot be kept', async () => {
      const cache = join(folder.path, 'no-folder');
      writeFileSync(cache, '');
      const server = await serve(cache, 'one');
      await server.stop();
      expect(server.output().stderr).toBe('');
    });
  });

  test('refuses a definition with errors before its port opens, and says where they are', async () => {
    const registry = join(project, 'broken');
    mkdirSync(registry);
    writeFileSync(join(registry, 'schema.json'), '{\n  "schema_version": "1.0",\n  "schema_version": "1.0"\n}\n');
    const { code, stdout, stderr } = await runProgram(program, ['serve', '--registry', registry, '--port', '0'], {
      cwd: project,
    });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('schema.json:3:3');
    expect(stderr).toContain('DUPLICATE_KEY');
  });

  test('has a file for each thread', async () => {
    const dist = join(project, 'node_modules/entrepot/dist');
    const threads = readdirSync(dist).filter((name) => name.endsWith('-thread.js'));
    expect(threads.sort()).toEqual(
      filesBelow('src', '-thread.ts')
        .map((path) => basename(path).replace('.ts', '.js'))
        .sort(),
    );
    for (const name of threads) {
      // All of it loads, and then it misses whoever started it.
      const { stderr } = await runProgram(process.execPath, [join(dist, name)], { cwd: project });
      expect(stderr).toContain('This module runs as a worker thread');
    }
  });

  test('checks a definition', async () => {
    const { code, stdout } = await runProgram(program, ['check', '--json'], { cwd: project });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toBeInstanceOf(Array);
  });
});

function filesOf(report: unknown): readonly string[] {
  // npm gives a list of packages, later versions an object of them by name.
  const [pack] = Object.values(report as Record<string, { readonly files: readonly { readonly path: string }[] }>);
  return pack?.files.map(({ path }) => path) ?? [];
}

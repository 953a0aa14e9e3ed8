import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../house/source-files.ts';
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
      expect.arrayContaining(['bin/entrepot', 'dist/entrepot.js', 'dist/LICENSES.txt', 'schema.json', 'LICENSE', 'README.md']),
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

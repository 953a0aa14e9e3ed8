import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/run-program.ts';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('entrepot seed', () => {
  it('loads the seeds through the routes, twice without harm, here and on a server', async () => {
    const data = await temporaryFolder();
    const first = await runProgram('bin/entrepot', ['seed', '--data', data, '--json'], {
      env: { ENTREPOT_ADMIN_PASSWORD: 'long enough' },
    });
    expect(JSON.parse(first.stdout)).toEqual({ made: 27, kept: 0, failed: [] });
    const again = await runProgram('bin/entrepot', ['seed', '--data', data, '--json']);
    expect(JSON.parse(again.stdout)).toEqual({ made: 11, kept: 16, failed: [] });

    const server = await startServerProcess({ data });
    const login = await fetch(`${server.url}/auth/login`, {
      method: 'POST',
      body: JSON.stringify({ username: 'admin', password: 'long enough' }),
    });
    const { token } = (await login.json()) as { token: string };
    const remote = await runProgram('bin/entrepot', ['seed', '--url', server.url], { env: { ENTREPOT_TOKEN: token } });
    expect(remote.stdout).toBe('11 made, 16 there already, 0 failed\n');

    const latest = await (await fetch(`${server.url}/v1/acme/greeter/latest`)).json();
    expect(latest).toMatchObject({
      version: '1.1.0',
      labels: { os: 'linux' },
      description: 'Says hello on the command line',
    });
    const packages = (await (await fetch(`${server.url}/v1/packages`)).json()) as { items: { namespace: string }[] };
    expect(packages.items.length).toBeGreaterThanOrEqual(9);
    expect(new Set(packages.items.map((item) => item.namespace)).size).toBe(4);
    const stable = await (await fetch(`${server.url}/v1/tools/linter/tags/stable`)).json();
    expect(stable).toMatchObject({ target_version: '5.0.0' });
    await server.stop();
  });

  it('tells which seed failed and goes on', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'own.json');
    const request = { method: 'PUT', path: '/v1/{namespace}/p/1.0.0/any/blob', body: { text: 'x' } };
    await writeFile(file, JSON.stringify({ steps: [{ request, items: [{ namespace: '!' }, { namespace: 'ok' }] }] }));
    const { code, stdout, stderr } = await runProgram('bin/entrepot', ['seed', file, '--data', join(folder, 'data')]);
    expect(code).toBe(1);
    expect(stdout).toBe('1 made, 0 there already, 1 failed\n');
    expect(stderr).toContain('own.json: PUT /v1/!/p/1.0.0/any/blob: 400');
  });

  it('says what is wrong with a seed', async () => {
    const folder = await temporaryFolder();
    await writeFile(
      join(folder, 'bad.json'),
      JSON.stringify({ steps: [{ request: { method: 'GET', path: '/{nobody}' } }] }),
    );
    const { code, stderr } = await runProgram('bin/entrepot', ['seed', folder, '--data', join(folder, 'data')]);
    expect([code, stderr.trim()]).toEqual([1, 'DEFINITION_INVALID: bad.json: an item has no "nobody"']);
  });
});

import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { openRawConnection } from '../support/raw-request.ts';
import { runProgram } from '../support/run-program.ts';
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, HELLO, writeRegistry } from './definitions.ts';

async function start(options: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> {
  const folder = temporaryFolder();
  const registry = options.registry ?? writeRegistry(folder, 'hello', HELLO);
  const server = await startServerProcess({ data: join(folder, 'data'), ...options, registry });
  onTestFinished(async () => {
    await server.kill('SIGKILL');
  });
  return server;
}

async function login(server: ServerProcess, password: string): Promise<number> {
  const body = JSON.stringify({ username: 'admin', password });
  return (await fetch(`${server.url}/auth/login`, { method: 'POST', body })).status;
}

describe('entrepot serve', () => {
  test('serves the registry that it is given', async () => {
    const server = await start();
    expect(await (await fetch(`${server.url}/hello`)).json()).toEqual({ hello: 'world' });
    expect(await (await fetch(`${server.url}/ready`)).json()).toMatchObject({ ok: true });
    expect(await (await fetch(`${server.url}/schema`)).json()).toMatchObject({ type_id: 'test.hello' });
    await server.stop();
  });

  test('makes up a password for admin once, and prints it once', async () => {
    const data = join(temporaryFolder(), 'data');
    const first = await start({ data });
    const password = /password (\S+)/.exec(first.output().stdout)?.[1];
    expect(password?.length).toBeGreaterThanOrEqual(16);
    expect(await login(first, String(password))).toBe(200);
    expect(await login(first, 'admin')).toBe(401);
    await first.stop();
    const second = await start({ data, env: { ENTREPOT_ADMIN_PASSWORD: 'another password' } });
    expect(second.output().stdout).not.toContain('password');
    expect(await login(second, String(password))).toBe(200);
    expect(await login(second, 'another password')).toBe(401);
    await second.stop();
  });

  test('takes the password of admin from the environment and does not print it', async () => {
    const server = await start({ env: { ENTREPOT_ADMIN_PASSWORD: 'correct horse battery' } });
    expect(await login(server, 'correct horse battery')).toBe(200);
    await server.stop();
    const { stdout, stderr } = server.output();
    expect(stdout + stderr).not.toContain('horse');
  });

  test('keeps its data where ENTREPOT_DATA says, else in ./data', async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'hello', HELLO);
    // PORT is given too, and one that is taken would show that it is read.
    const env = { ...process.env, PORT: '0', ENTREPOT_DATA: join(folder, 'elsewhere') };
    for (const [name, environment] of Object.entries({ elsewhere: env, data: { ...env, ENTREPOT_DATA: '' } })) {
      const ended = runProgram('/bin/sh', ['-c', `timeout 5 "${ROOT}/bin/entrepot" serve --registry "${registry}"`], {
        cwd: folder,
        env: environment,
      });
      await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toContain(name);
      await ended;
    }
  });

  test('does not start on a definition with errors', async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'broken', BROKEN_TEXT);
    const { code, stdout, stderr } = await runProgram(join(ROOT, 'bin/entrepot'), [
      'serve',
      '--registry',
      registry,
      '--data',
      join(folder, 'data'),
      '--port',
      '0',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^schema\.json:5:\d+ {2}error {2}/m);
    expect(stdout).not.toContain('Listening');
    expect(readdirSync(folder)).toEqual(['broken']);
  });

  test('says so when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'hello', HELLO);
    const { code, stderr } = await runProgram(join(ROOT, 'bin/entrepot'), [
      'serve',
      '--registry',
      registry,
      '--data',
      join(folder, 'data'),
      '--port',
      port,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use by another program.`);
    expect(stderr).not.toMatch(/\bat .*\.ts:/);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('stops on %s when requests under way are done', async (signal) => {
    const server = await start();
    const connection = await openRawConnection(server.port);
    // A login whose body is still on its way is a request under way.
    const body = '{"username":"admin","password":"wrong password"}';
    connection.send(
      `POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await fetch(`${server.url}/health`);
    const ended = server.kill(signal);
    await expect.poll(() => server.output().stdout).toContain('Stopping');
    connection.send(body.slice(5));
    expect((await connection.ended()).toString()).toMatch(/^HTTP\/1\.1 401 /);
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  test('stops at once on a second signal', async () => {
    const server = await start();
    const connection = await openRawConnection(server.port);
    connection.send('POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{');
    await fetch(`${server.url}/health`);
    const ended = server.kill('SIGTERM');
    await expect.poll(() => server.output().stdout).toContain('Stopping');
    void server.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
  });

  test('with --base-url tells of itself by that address', async () => {
    const definition = structuredClone(HELLO);
    definition.api.routes[0]!.pipeline[0]!.args.body.hello = '{request.base_url}';
    const registry = writeRegistry(temporaryFolder(), 'hello', definition);
    const server = await start({ registry, args: ['--base-url', 'https://registry.test/sub/'] });
    expect(await (await fetch(`${server.url}/hello`)).json()).toEqual({ hello: 'https://registry.test/sub' });
    await server.stop();
  });

  test('is what npm start runs, and a signal to npm reaches it', async () => {
    const data = join(temporaryFolder(), 'data');
    const server = await start({ command: ['npm', 'start'], env: { PORT: '0', ENTREPOT_DATA: data } });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.stop();
    expect(server.output().stdout).toContain('Stopping');
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });
});

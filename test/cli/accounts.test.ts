import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { token } from '../../src/cli/token.ts';
import { user } from '../../src/cli/user.ts';
import { openIdentityFolder } from '../../src/open-identity.ts';
import { ROOT } from '../house/source-files.ts';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, HELLO, writeRegistry } from './definitions.ts';

const BIN = join(ROOT, 'bin/entrepot');
const PASSWORD = 'correct horse battery';
/** Signs its sessions. */
const SIGNING = { ...HELLO, type_id: 'test.signing', auth: { ...HELLO.auth, principals: { source: 'jwt' } } };
const COMMANDS = { user, token } as const;

/** Runs a command in this process, which is another than the server's. What it fails with is its `error`. */
async function run(name: keyof typeof COMMANDS, args: readonly string[]) {
  const lines: string[] = [];
  let code: number | null = null;
  let error: unknown = null;
  try {
    code = await COMMANDS[name].run(args, {
      print: (line) => lines.push(line),
      complain: (line) => lines.push(line),
      env: {},
      colours: false,
    });
  } catch (thrown) {
    error = thrown;
  }
  const text = lines.join('\n');
  return {
    code,
    error,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

/** Runs commands on one data folder. */
function onData(data: string, registry = ROOT) {
  return (name: keyof typeof COMMANDS, ...args: readonly string[]) =>
    run(name, [...args, '--data', data, '--registry', registry]);
}

async function serving(data: string, registry?: string) {
  const server = await startServerProcess({ data, ...(registry === undefined ? {} : { registry }) });
  onTestFinished(async () => {
    await server.kill('SIGKILL');
  });
  const ask = async (path: string, authorization: string) =>
    (await fetch(server.url + path, { headers: { authorization } })).status;
  const login = async (username: string, password: string) => {
    const body = JSON.stringify({ username, password });
    const response = await fetch(`${server.url}/auth/login`, { method: 'POST', body });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  return { ...server, ask, login };
}

describe('entrepot user and entrepot token', () => {
  test('add, list and change users, as a person and as a program read it', async () => {
    const entrepot = onData(join(temporaryFolder(), 'data'));
    const added = await entrepot('user', 'add', 'Ada', '--scopes', 'read, write', '--roles', 'author', '--json');
    expect(added.json).toMatchObject({
      username: 'ada',
      scopes: ['read', 'write'],
      roles: ['author'],
      password: expect.stringMatching(/^[0-9A-Za-z]{25}$/),
    });
    expect((await entrepot('user', 'add', 'robot', '--no-password', '--json')).json).not.toHaveProperty('password');
    expect((await entrepot('user', 'scopes', 'ada', 'read', '--json')).json.scopes).toEqual(['read']);
    expect((await entrepot('user', 'disable', 'robot')).text).toMatch(/^robot +disabled /m);
    const list = await entrepot('user', 'list');
    expect(list.text).toMatch(/^USER +STATE +SINCE +SCOPES\nada +active +\S+ +read\nrobot +disabled +\S+ +-$/);
    // Nobody else was made: the first start of a server still makes admin, and says the password.
    expect((await entrepot('user', 'list', '--json')).json).toHaveLength(2);

    expect((await entrepot('user', 'add', 'ada')).error).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect((await entrepot('user', 'scopes', 'ada', 'reed')).error).toMatchObject({
      message: expect.stringContaining('reed'),
    });
    expect((await entrepot('user', 'disable', 'nobody')).error).toMatchObject({ code: 'NOT_FOUND' });
    expect((await entrepot('token', 'create', 'nobody')).error).toMatchObject({ code: 'NOT_FOUND' });
    expect(await entrepot('token', 'list', 'nobody')).toMatchObject({ code: 1, text: 'There is no user "nobody"' });
  });

  test('take a password from standard input, where it stands in no list of processes', async () => {
    const data = join(temporaryFolder(), 'data');
    const child = spawn(BIN, ['user', 'add', 'ada', '--password-stdin', '--data', data, '--registry', ROOT]);
    child.stdin.end(`${PASSWORD}\n`);
    const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(child.exitCode).toBe(0);
    expect(stdout).not.toContain('assword');
    const opened = await openIdentityFolder({ registry: ROOT, data, env: {} });
    if (!opened.ok) throw new Error('The registry has errors');
    onTestFinished(() => opened.close());
    expect((await opened.identity.login('ada', PASSWORD)).user.username).toBe('ada');
  });

  test.each([
    ['user', [], /what\? There are add/],
    ['user', ['frobnicate'], /no "entrepot user frobnicate"/],
    ['user', ['constructor'], /no "entrepot user constructor"/],
    ['user', ['add'], /needs NAME/],
    ['user', ['scopes', 'ada'], /needs NAME A,B/],
    ['user', ['list', 'extra'], /What is "extra"/],
    ['token', ['create'], /needs USER/],
    ['token', ['create', 'ada', '--expires', 'soon'], /"soon" is not a time to come/],
    ['token', ['create', 'ada', '--expires', '2001-01-01'], /not a time to come/],
  ] as const)('%s %j is told what is missing', async (name, args, message) => {
    const { error } = await run(name, args);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(message);
  });

  test('say where users are, when records are kept in memory', async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'memory', {
      ...HELLO,
      storage: { kv_stores: { meta: { kind: 'memory' } } },
    });
    const { error } = await onData(join(folder, 'data'), registry)('user', 'list');
    expect(error).toMatchObject({ message: expect.stringContaining('in memory') });
  });

  test('say what is wrong with a definition that is not clean', async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'broken', BROKEN_TEXT);
    const { code, text } = await onData(join(folder, 'data'), registry)('user', 'list');
    expect(code).toBe(1);
    expect(text).toContain('respond.jsn');
  });
});

describe('beside a running server', () => {
  test('what is changed counts there at once, and the server loses nothing', { timeout: 60_000 }, async () => {
    const data = join(temporaryFolder(), 'data');
    const entrepot = onData(data);
    const server = await serving(data);
    const { password } = (await entrepot('user', 'add', 'ada', '--scopes', 'read,write', '--json')).json;
    const session = `Bearer ${(await server.login('ada', password)).json.token}`;
    const { token, id } = (await entrepot('token', 'create', 'ada', '--name', 'ci', '--expires', '30d', '--json')).json;
    const plain = (await entrepot('token', 'create', 'ada', '--scopes', 'read')).text;
    expect(plain).toMatch(/^ept_\w{49}$/);
    const statuses = async () => [
      await server.ask('/auth/me', session),
      await server.ask('/auth/me', `Bearer ${token}`),
      await server.ask('/auth/me', `Bearer ${plain}`),
    ];
    expect(await statuses()).toEqual([200, 200, 200]);

    const listed = await entrepot('token', 'list', 'ada');
    expect(listed.text).toMatch(new RegExp(`^${id} +ci +token +valid +\\d{4}-\\S+ +all of the user$`, 'm'));
    expect(listed.text).toMatch(/^\w{32} +login +session +valid /m);
    expect(listed.text).not.toContain('ept_');
    expect((await entrepot('token', 'revoke', id)).text).toBe(`Revoked ${id}`);
    expect((await entrepot('token', 'revoke', id)).code).toBe(1);
    expect(await statuses()).toEqual([200, 401, 200]);
    expect((await entrepot('user', 'password', 'ada', '--json')).json.password).not.toBe(password);
    expect(await statuses()).toEqual([401, 401, 200]);
    await entrepot('user', 'disable', 'ada');
    expect(await statuses()).toEqual([401, 401, 401]);
    await entrepot('user', 'enable', 'ada');
    expect(await statuses()).toEqual([401, 401, 200]);
    expect(await server.ask('/v1/acme/tool/1.0.0/any/blob', `Bearer ${plain}`)).toBe(404);
    await server.stop();
    const second = await serving(data);
    expect(await second.ask('/auth/me', `Bearer ${plain}`)).toBe(200);
  });

  test('signed sessions outlive a restart, end when told, and mean nothing elsewhere', {
    timeout: 60_000,
  }, async () => {
    const folder = temporaryFolder();
    const registry = writeRegistry(folder, 'signing', SIGNING);
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    const entrepot = onData(data, registry);
    const { password } = (await entrepot('user', 'add', 'ada', '--scopes', 'read', '--json')).json;
    const first = await serving(data, registry);
    const { token, expires_at } = (await first.login('ada', password)).json;
    expect(token).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(15 * 60_000);
    await first.stop();
    const server = await serving(data, registry);
    expect(await server.ask('/auth/me', `Bearer ${token}`)).toBe(200);
    expect(await server.ask('/hello', `Bearer ${token}`)).toBe(200);

    // The same definition and the same user, on other data.
    await onData(other, registry)('user', 'add', 'ada', '--scopes', 'read');
    const stranger = await serving(other, registry);
    expect(await stranger.ask('/auth/me', `Bearer ${token}`)).toBe(401);
    expect(await stranger.ask('/hello', `Bearer ${token}`)).toBe(401);

    const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    expect((await entrepot('token', 'revoke', jti)).code).toBe(0);
    expect(await server.ask('/hello', `Bearer ${token}`)).toBe(401);
  });
});

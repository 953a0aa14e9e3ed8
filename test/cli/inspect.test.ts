import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, writeRegistry } from './definitions.ts';

const entrepot = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram(join(ROOT, 'bin/entrepot'), args, { cwd: ROOT, env: { ...process.env, ...env } });

const ARTIFACT = ['namespace=acme', 'name=hello', 'version=1.0.0', 'variant=any'].flatMap((pair) => ['--param', pair]);

describe('entrepot routes', () => {
  test('lists method, path, id, pack, tags, scopes and summary', async () => {
    const { code, stdout } = await entrepot(['routes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^METHOD +PATH +ID +PACK +TAGS +SCOPES +SUMMARY$/m);
    expect(stdout).toMatch(
      /^PUT +\/v1\/\{namespace\}\/\{name\}\/\{version\}\/\{variant\}\/blob +publish_artifact +packages +write_path +write +Publish/m,
    );
    expect(stdout).not.toContain('\u001b');
  });

  test('gives programs JSON, and says what is wrong with a broken definition', async () => {
    const rows: unknown = JSON.parse((await entrepot(['routes', '--json'])).stdout);
    expect(rows).toContainEqual(expect.objectContaining({ id: 'fetch_blob', methods: ['GET'], tags: ['public'] }));
    const broken = await entrepot(['routes', writeRegistry(temporaryFolder(), 'broken', BROKEN_TEXT)]);
    expect(broken.code).toBe(1);
    expect(broken.stdout).toBe('');
    expect(broken.stderr).toContain('respond.jsn');
  });
});

describe('entrepot explain', () => {
  test('shows steps, the rail of a transaction and statements', async () => {
    const { code, stdout } = await entrepot(['explain', 'publish_artifact']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^┌ \d+ txn\.begin/m);
    expect(stdout).toMatch(/^└ \d+ txn\.commit/m);
    expect(stdout).toMatch(/commit +INSERT INTO records/);
  });

  test('names the routes there are when asked for another', async () => {
    const { code, stderr } = await entrepot(['explain', 'publsh']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/There is no route "publsh"\. There are: .*publish_artifact/);
  });
});

describe('entrepot run', () => {
  test('makes a request and shows what each step bound and asked of the stores', async () => {
    const folder = temporaryFolder();
    const body = join(folder, 'body');
    writeFileSync(body, 'hello');
    const secret = { MY_SECRET: 'hunter2hunter2' };
    const { code, stdout } = await entrepot(
      [
        'run',
        'publish_artifact',
        '--as',
        'ann:write',
        '--body',
        body,
        '--trace',
        '--header',
        'Content-Type=text/hunter2hunter2',
        ...ARTIFACT,
      ],
      secret,
    );
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^11 kv\.get +[\d.]+ ms$/m);
    expect(stdout).toMatch(/^ +meta\.get packages\.artifact artifact\/acme\/hello\/1\.0\.0\/any {2}[\d.]+ ms$/m);
    expect(stdout).toMatch(/^ +meta\.commit 3 checks, put package\/acme\/hello, .*event packages\.published/m);
    expect(stdout).toMatch(/^7 set +skipped: its condition does not hold$/m);
    expect(stdout).toMatch(/^20 respond\.json +[\d.]+ ms {2}response$/m);
    expect(stdout).toMatch(/^201 in [\d.]+ ms$/m);
    expect(stdout).not.toContain('hunter2');
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  test('keeps what it writes where it is told to, and tells programs the rest', async () => {
    const data = join(temporaryFolder(), 'data');
    const body = join(temporaryFolder(), 'body');
    writeFileSync(body, Buffer.from([0, 255, 1]));
    expect(
      (await entrepot(['run', 'publish_artifact', '--data', data, '--as', 'ann', '--body', body, ...ARTIFACT])).code,
    ).toBe(0);
    const { code, stdout } = await entrepot(['run', 'fetch_blob', '--data', data, '--json', ...ARTIFACT]);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      request: { method: 'GET', target: '/v1/acme/hello/1.0.0/any/blob' },
      status: 200,
      body_base64: 'AP8B',
    });
    expect(answer.steps.at(-1)).toMatchObject({ op: 'respond.bytes', outcome: 'response', ms: expect.any(Number) });
  });

  test('exits with 1 on a refusal, whose step it shows', async () => {
    const { code, stdout } = await entrepot([
      'run',
      'fetch_tag',
      '--trace',
      ...['namespace=a', 'name=b', 'tag=c'].flatMap((pair) => ['--param', pair]),
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/respond\.error +[\d.]+ ms {2}error NOT_FOUND$/m);
    expect(stdout).toMatch(/^404 in /m);
    expect((await entrepot(['run', 'publish_artifact', ...ARTIFACT])).stdout).toMatch(/^401 in /m);
  });

  test.each([
    [['run'], 2, /Which route/],
    [['run', 'nothing'], 1, /There is no route "nothing"/],
    [['run', 'fetch_tag', '--param', 'namespace=a'], 1, /path parameters name, tag/],
    [['run', 'fetch_tag', '--param', 'namespace'], 2, /NAME=VALUE/],
    [['run', 'fetch_tag', '--method', 'PUT'], 2, /answers GET, HEAD, not "PUT"/],
    [['run', 'fetch_tag', '--as', 'ann:fly'], 2, /There is no scope "fly".*read/],
    [['run', 'fetch_tag', '--body', '/does/not/exist'], 2, /cannot be read/],
  ])('%j is told what is wrong with it', async (args, exit, message) => {
    const { code, stderr } = await entrepot(args);
    expect(code).toBe(exit);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\bat .*\.ts:/);
  });
});

describe('entrepot docs', () => {
  test('writes pages, and with --check only says which are stale', async () => {
    const out = join(temporaryFolder(), 'docs');
    const stale = await entrepot(['docs', '--check', '--out', out]);
    expect(stale.code).toBe(1);
    expect(stale.stderr).toMatch(/operations\.md is not up to date/);
    expect(existsSync(out)).toBe(false);
    expect((await entrepot(['docs', '--out', out])).code).toBe(0);
    expect(readFileSync(join(out, 'routes.md'), 'utf8')).toContain('publish_artifact');
    const fresh = await entrepot(['docs', '--check', '--out', out]);
    expect(fresh).toMatchObject({ code: 0, stderr: '' });
  });
});

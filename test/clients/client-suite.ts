import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ClientName, TERMINAL } from '../support/npm-clients.ts';
import { NPM_SERVER } from '../support/npm-servers.ts';
import { COMMANDS } from './commands.ts';
import { type ChosenStore, DECLARED_STORE } from './stores.ts';
import {
  ALICE,
  BOB,
  forgetInstalled,
  installed,
  integrityOf,
  makeProject,
  prepared,
  type Trial,
  useTrial,
} from './trial.ts';

const TOOL = 'a-tool-of-tests';
const SCOPED = '@acme/part';
const DESCRIPTION = 'What a client published';
const BETA = '1.1.0-beta.1';

/**
 * What a client does with a registry, from its login to its logout, in this order: one test needs what those before it published. What
 * the client has no command for, or the server is known not to do, is left out.
 */
export function clientSuite(name: ClientName, store: ChosenStore = DECLARED_STORE): void {
  const { missing } = NPM_SERVER;
  if (missing !== null) console.warn(`Skipped: ${name} on ${NPM_SERVER.name}: ${missing} is not there`);
  describe.skipIf(missing !== null)(`${name} on ${NPM_SERVER.name}, ${store.title}`, () => {
    const trial = useTrial(name, store);
    const commands = COMMANDS[name];
    const { lacks } = NPM_SERVER;
    const { login, whoami, ping, search, owner, star, deprecate, unpublish, audit, logout } = commands;

    // A test may have left another one.
    beforeEach(() => trial.client.useToken(trial.token));

    const canLogIn = login !== undefined && (name !== 'pnpm' || TERMINAL !== null);
    test.runIf(canLogIn)('logs in with name and password, and not with another password', async () => {
      const { client } = trial;
      client.useToken(null);
      const wrong = await login!(client, { ...ALICE, password: 'something else' });
      expect([wrong.code, wrong.text.includes('something else')]).toEqual([1, false]);
      const outcome = await login!(client, ALICE);
      expect(outcome.code, outcome.text).toBe(0);
      expect((await trial.ok(whoami!)).text).toContain(ALICE.name);
    });

    test.runIf(whoami)('knows who it is', async () => {
      expect((await trial.ok(whoami!)).text).toMatch(/\balice$/m);
      if (lacks.has('a refusal of false tokens')) return;
      trial.client.useToken('not-a-token');
      expect((await trial.client.run(whoami!)).code).toBe(1);
    });

    test.runIf(ping)('reaches the server', async () => {
      expect((await trial.ok(ping!)).text).toMatch(/PONG/);
    });

    test('publishes a package, whose bytes are those that it states', async () => {
      await trial.publish({ name: TOOL, version: '1.0.0', description: DESCRIPTION, keywords: ['clients'] });
      const { versions, ...packument } = await trial.packument(TOOL);
      expect(packument).toMatchObject({ name: TOOL, 'dist-tags': { latest: '1.0.0' } });
      const { dist, description } = versions['1.0.0'];
      expect(description).toBe(DESCRIPTION);
      expect(dist.tarball).toBe(`${trial.server.url}${TOOL}/-/${TOOL}-1.0.0.tgz`);
      const tarball = new Uint8Array(await (await fetch(dist.tarball)).arrayBuffer());
      expect(integrityOf(tarball)).toBe(dist.integrity);
    });

    test('publishes nothing without a token, nor with a false one', async () => {
      const { client } = trial;
      const folder = await prepared(trial, { name: 'nobody-published-this', version: '1.0.0' });
      for (const token of [null, 'not-a-token']) {
        client.useToken(token);
        expect((await client.run(commands.publishBlindly, { cwd: folder })).code).toBe(1);
      }
      expect(await trial.packument('nobody-published-this')).not.toHaveProperty('versions');
    });

    test('publishes a package in a scope that needs another', async () => {
      await trial.publish({ name: SCOPED, version: '2.0.0', dependencies: { [TOOL]: '^1.0.0' } }, '--access', 'public');
      const { versions } = await trial.packument(SCOPED);
      expect(versions['2.0.0'].dist.tarball).toBe(`${trial.server.url}${SCOPED}/-/part-2.0.0.tgz`);
    });

    test('publishes a prerelease under a tag of its own', async () => {
      await trial.publish({ name: TOOL, version: BETA }, '--tag', 'beta');
      expect(await trial.tags(TOOL)).toEqual({ latest: '1.0.0', beta: BETA });
    });

    test('is told that a version is there already, and nothing changes', async () => {
      const before = await trial.packument(TOOL);
      const folder = await prepared(trial, { name: TOOL, version: '1.0.0', description: 'Other bytes' });
      await trial.refused(commands.publishBlindly, /already/i, folder);
      expect(await trial.packument(TOOL)).toEqual(before);
    });

    test('sets, lists and removes tags', async () => {
      await trial.ok([...commands.tag.add, `${TOOL}@${BETA}`, 'canary']);
      expect(await trial.tags(TOOL)).toEqual({ latest: '1.0.0', beta: BETA, canary: BETA });
      await trial.ok([...commands.tag.remove, TOOL, 'canary']);
      expect(await trial.tags(TOOL)).toEqual({ latest: '1.0.0', beta: BETA });
      expect((await trial.client.run([...commands.tag.add, `${TOOL}@7.7.7`, 'lost'])).code).toBe(1);
      expect(await trial.tags(TOOL)).not.toHaveProperty('lost');
    });

    test('shows what is there', async () => {
      const { json } = await trial.ok([...commands.info, TOOL]);
      const shown = json.data ?? json;
      expect(shown).toMatchObject({ name: TOOL, version: '1.0.0', description: DESCRIPTION });
      expect(shown.versions.toSorted()).toEqual(['1.0.0', BETA]);
      const { code, text } = await trial.client.run([...commands.info, 'there-is-no-such-package']);
      // Yarn 1 says that there is an error, and ends as if there were none.
      expect(name === 'yarn 1' ? text.includes('"error"') : code === 1, text).toBe(true);
    });

    test('installs by name, and by the lock file alone', async () => {
      const project = makeProject(trial, 'locked');
      await trial.ok([...commands.add, SCOPED], project);
      const lock = readFileSync(join(project, commands.lockFile), 'utf8');
      const expected = [`${TOOL}@1.0.0`, `${SCOPED}@2.0.0`].map((text) => `module.exports = '${text}';`);
      expect(installedBoth(project)).toEqual(name === 'pnpm' ? expected.slice(1) : expected);

      forgetInstalled(trial, project);
      await trial.ok(commands.installLocked, project);
      expect(readFileSync(join(project, commands.lockFile), 'utf8')).toBe(lock);
      expect(installed(project, SCOPED)).toBe(expected[1]);
    });

    /** pnpm shows to a project only what it asked for. */
    const installedBoth = (project: string) =>
      (name === 'pnpm' ? [SCOPED] : [TOOL, SCOPED]).map((part) => installed(project, part));

    test('installs by tag', async () => {
      const project = makeProject(trial, 'tagged');
      await trial.ok([...commands.add, `${TOOL}@beta`], project);
      expect(installed(project, TOOL)).toContain(BETA);
    });

    test.runIf(search)('finds what was published', async () => {
      const found = (await trial.ok([...search!, TOOL])).json;
      expect(found).toHaveLength(1);
      expect(found[0]).toMatchObject({ name: TOOL, description: DESCRIPTION, keywords: ['clients'] });
      if (!lacks.has('whole search results'))
        expect(found[0]).toMatchObject({ version: '1.0.0', date: expect.stringMatching(/^\d{4}-/) });
    });

    test.runIf(audit && !lacks.has('audit'))('hears of no vulnerabilities', async () => {
      await trial.ok(audit!, join(trial.client.home, 'projects/locked'));
    });

    test.runIf(star)('stars a package, and takes the star back', async () => {
      await trial.ok([...star!.add, TOOL]);
      expect((await trial.packument(TOOL)).users).toEqual({ [ALICE.name]: true });
      await trial.ok([...star!.remove, TOOL]);
      expect((await trial.packument(TOOL)).users ?? {}).toEqual({});
    });

    test.runIf(owner && !lacks.has('owners'))('sees to owners', async () => {
      const owners = async () => (await trial.ok(owner!.list(TOOL, ''))).stdout.match(/^\w+/gm);
      expect(await owners()).toEqual([ALICE.name]);
      await trial.ok(owner!.add(TOOL, BOB.name));
      expect((await owners())?.toSorted()).toEqual([ALICE.name, BOB.name]);
      await trial.ok(owner!.remove(TOOL, BOB.name));
      expect(await owners()).toEqual([ALICE.name]);
      expect((await trial.client.run(owner!.add(TOOL, 'nobody-there'))).code).toBe(1);
    });

    test.runIf(deprecate)('deprecates a version, of which who installs it hears', async () => {
      await trial.ok([...deprecate!, `${TOOL}@1.0.0`, 'Use something newer']);
      const project = makeProject(trial, 'deprecated');
      // pnpm asks no more about a version that it knows.
      forgetInstalled(trial, project);
      const { text } = await trial.ok([...commands.add, `${TOOL}@1.0.0`], project);
      expect(text).toMatch(/deprecated a-tool-of-tests@1\.0\.0/);
      const { versions } = await trial.packument(TOOL);
      expect([versions['1.0.0'].deprecated, versions[BETA].deprecated]).toEqual(['Use something newer', undefined]);
      await trial.ok(['undeprecate', `${TOOL}@1.0.0`]);
      expect((await trial.packument(TOOL)).versions['1.0.0'].deprecated ?? '').toBe('');
    });

    test.runIf(unpublish)('unpublishes a version, and then the package', () => unpublishing(trial));

    test.runIf(name === 'yarn 1' && TERMINAL)('asks for a password to publish, and gives its token back', async () => {
      const { client } = trial;
      client.useToken(null);
      const cwd = await prepared(trial, { name: TOOL, version: '1.2.0' });
      const answers = [
        [/username: /, ALICE.name],
        [/email: /, 'alice@example.org'],
        [/password: /, ALICE.password],
      ] as const;
      const outcome = await client.run(['publish', '--new-version', '1.2.0'], { cwd, terminal: true, answers });
      expect(outcome.code, outcome.text).toBe(0);
      expect(outcome.text).toContain('Revoked login token');
      expect((await trial.packument(TOOL)).versions).toHaveProperty(['1.2.0']);
    });

    test.runIf(name === 'npm')('makes tokens, lists and revokes them', () => tokens(trial));

    test.runIf(logout)('logs out', async () => {
      await trial.ok(logout!);
      expect((await trial.client.run(whoami!)).code).toBe(1);
      // Yarn 4 tells the server nothing.
      if (name !== 'yarn 4' && !lacks.has('a refusal of false tokens'))
        expect(await answerTo(trial, trial.token)).toBe(401);
    });
  });
}

/** They are made by who knows the password, not by who has a token. */
async function tokens(trial: Trial): Promise<void> {
  const { client, ok } = trial;
  const list = async () => (await ok(['token', 'list', '--json'])).json.map(({ key }: { key: string }) => key);
  const before = await list();
  const wrong = await client.run(['token', 'create', '--name', 'robot', '--password', 'something else']);
  expect(wrong.code, wrong.text).toBe(1);
  const { json } = await ok(['token', 'create', '--name', 'robot', '--password', ALICE.password, '--json']);
  expect(await answerTo(trial, json.token)).toBe(200);
  const made = (await list()).filter((key: string) => !before.includes(key));
  expect(made).toHaveLength(1);
  await ok(['token', 'revoke', made[0]]);
  expect(await list()).toEqual(before);
  if (!NPM_SERVER.lacks.has('a refusal of false tokens')) expect(await answerTo(trial, json.token)).toBe(401);
}

/** Whether the server knows a token. */
async function answerTo({ server }: Trial, token: string): Promise<number> {
  const { status } = await fetch(`${server.url}-/whoami`, { headers: { authorization: `Bearer ${token}` } });
  return status;
}

async function unpublishing(trial: Trial): Promise<void> {
  const { commands } = trial;
  const name = 'a-package-that-goes';
  for (const version of ['1.0.0', '1.1.0']) await trial.publish({ name, version });
  const { tarball } = (await trial.packument(name)).versions['1.1.0'].dist;

  await trial.ok([...commands.unpublish!, `${name}@1.1.0`]);
  expect(await trial.packument(name)).toMatchObject({ 'dist-tags': { latest: '1.0.0' } });
  expect(Object.keys((await trial.packument(name)).versions)).toEqual(['1.0.0']);
  expect((await fetch(tarball)).status).toBe(404);
  await comesNotBack(trial, name, '1.1.0');

  await trial.ok([...commands.unpublish!, name, '--force']);
  expect((await fetch(trial.server.url + name)).status).toBe(404);
  await comesNotBack(trial, name, '1.0.0');
}

/** Somebody may have it already, by this name and version. */
async function comesNotBack(trial: Trial, name: string, version: string): Promise<void> {
  if (NPM_SERVER.lacks.has('versions gone for good')) return;
  const folder = await prepared(trial, { name, version });
  await trial.refused(trial.commands.publishBlindly, /unpublished|again/i, folder);
}

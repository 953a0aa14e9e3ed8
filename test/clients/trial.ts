import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type ClientName, type ClientOutcome, type NpmClient, openClient } from '../support/npm-clients.ts';
import { loginTo, NPM_SERVER, type NpmServer } from '../support/npm-servers.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { type Account, COMMANDS, type Commands } from './commands.ts';
import type { ChosenStore } from './stores.ts';

export const ALICE: Account = { name: 'alice', password: 'a long enough password' };
export const BOB: Account = { name: 'bob', password: 'another long password' };

/** One client and a server of its own, for the tests of a `describe`. */
export interface Trial {
  readonly client: NpmClient;
  readonly server: NpmServer;
  /** Alice's. */
  readonly token: string;
  readonly commands: Commands;
  /** Runs a command that must succeed. */
  ok(args: readonly string[], cwd?: string): Promise<ClientOutcome>;
  /** Runs a command that must fail, with a sentence that says why. */
  refused(args: readonly string[], sentence: RegExp, cwd?: string): Promise<ClientOutcome>;
  /** Publishes a package. */
  publish(manifest: Manifest, ...flags: readonly string[]): Promise<ClientOutcome>;
  /** The document that the server gives to everybody. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape.
  packument(name: string): Promise<any>;
  /** Tags as the client lists them. */
  tags(name: string): Promise<Readonly<Record<string, string>>>;
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Sets up, before the tests of a `describe`, what it returns; Alice has a token that the client knows. */
export function useTrial(name: ClientName, store: ChosenStore): Trial {
  const folder = makeTemporaryFolder();
  let server: NpmServer | null = null;
  let client: NpmClient | null = null;
  let token = '';

  beforeAll(async () => {
    server = await NPM_SERVER.start({ folder: join(folder.path, 'server'), store: store.open() });
    for (const account of [ALICE, BOB]) await server.addUser(account.name, account.password);
    client = openClient(name, server.url, folder.path);
    token = await loginTo(server.url, ALICE.name, ALICE.password);
    client.useToken(token);
  });
  afterAll(async () => {
    await server?.process.stop();
    await store.remove();
    folder.remove();
  });

  const trial: Trial = {
    get client() {
      return present(client);
    },
    get server() {
      return present(server);
    },
    get token() {
      return token;
    },
    commands: COMMANDS[name],
    async ok(args, cwd) {
      const outcome = await trial.client.run(args, { cwd });
      expect(outcome.code, `${args.join(' ')}\n${outcome.text}`).toBe(0);
      return outcome;
    },
    async refused(args, sentence, cwd) {
      const outcome = await trial.client.run(args, { cwd });
      expect(outcome.code, `${args.join(' ')}\n${outcome.text}`).toBe(1);
      expect(outcome.text).toMatch(sentence);
      return outcome;
    },
    async publish(manifest, ...flags) {
      const cwd = await prepared(trial, manifest);
      return trial.ok([...trial.commands.publish, ...flags], cwd);
    },
    async packument(packageName) {
      const response = await fetch(trial.server.url + packageName.replace('/', '%2f'));
      return response.json();
    },
    async tags(packageName) {
      const { stdout } = await trial.ok([...trial.commands.tag.list, packageName]);
      // `beta: 1.0.0`, `info beta: 1.0.0` or `name@beta → 1.0.0`.
      return Object.fromEntries(
        [...stdout.matchAll(/(?:^|[\s@])([a-z]+)(?::| →) (\d\S*)$/gm)].map((m) => [m[1], m[2]]),
      );
    },
  };
  return trial;
}

/** A folder with a package that the client is ready to publish. */
export async function prepared({ client, commands, ok }: Trial, manifest: Manifest): Promise<string> {
  const folder = join(client.home, 'packages', `${manifest.name}-${manifest.version}`);
  write(join(folder, 'package.json'), JSON.stringify({ license: 'MIT', main: 'index.js', ...manifest }));
  write(join(folder, 'index.js'), `module.exports = '${manifest.name}@${manifest.version}';\n`);
  write(join(folder, 'README.md'), `# ${manifest.name}\n`);
  if (commands.prepare !== undefined) {
    write(join(folder, commands.lockFile), '');
    await ok(commands.prepare, folder);
  }
  return folder;
}

/** A project that depends on nothing yet, with the client's own home above it. */
export function makeProject({ client, commands }: Trial, name: string): string {
  const folder = join(client.home, 'projects', name);
  write(join(folder, 'package.json'), JSON.stringify({ name, version: '0.0.0', private: true }));
  if (client.name === 'yarn 4') write(join(folder, commands.lockFile), '');
  return folder;
}

/** Throws the installed packages away, and all that the client remembers. */
export function forgetInstalled({ client }: Trial, project: string): void {
  rmSync(join(project, 'node_modules'), { recursive: true, force: true });
  client.clearCaches();
}

/** Which version is installed, read from its code; it came through the server byte by byte. */
export function installed(project: string, name: string): string {
  return readFileSync(join(project, 'node_modules', name, 'index.js'), 'utf8').trim();
}

/** As in `dist`. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('It is there once tests run');
  return value;
}

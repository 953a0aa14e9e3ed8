import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../house/source-files.ts';
import { findProgram } from './programs.ts';
import type { Outcome } from './run-program.ts';

export type ClientName = 'npm' | 'pnpm' | 'yarn 1' | 'yarn 4';

/** A real client on a machine of its own: home, caches and configuration are in its folder, and only loopback is there. */
export interface NpmClient {
  readonly name: ClientName;
  readonly home: string;
  /** Runs it in a folder, by default in a project that depends on nothing. */
  run(args: readonly string[], options?: RunOptions): Promise<ClientOutcome>;
  /** Knows this token from now on; null: none. */
  useToken(token: string | null): void;
  /** Forgets everything that it has fetched. */
  clearCaches(): void;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Typed one after the other, each once its question was asked. */
  readonly answers?: readonly Answer[];
  /** Asks only at a terminal: is given one. Needs `TERMINAL`. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export type Answer = readonly [question: RegExp, text: string];

/** What lends a terminal to a program; null where the system has nothing that does. */
export const TERMINAL: string | null = process.platform === 'linux' ? findProgram('script') : null;

export interface ClientOutcome extends Outcome {
  /** Both outputs, without colours: for what a person reads. */
  readonly text: string;
  /** The standard output, parsed. Throws when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape.
  readonly json: any;
}

const PROGRAMS: Readonly<Record<ClientName, string>> = {
  npm: 'npm/bin/npm-cli.js',
  pnpm: 'pnpm/bin/pnpm.mjs',
  'yarn 1': 'yarn/bin/yarn.js',
  'yarn 4': '@yarnpkg/cli-dist/bin/yarn.js',
};

/** Nobody listens there: what asks for another host than loopback fails at once. */
const NOWHERE = 'http://127.0.0.1:9';

/** Where everything of a client is, below its home. */
const CACHES = ['cache', 'data', 'state', 'berry'];

/** Sets a client up in an empty folder for a registry; `url` ends in a slash. */
export function openClient(name: ClientName, url: string, folder: string): NpmClient {
  const home = join(folder, name.replace(' ', '-'));
  const desk = join(home, 'desk');
  mkdirSync(desk, { recursive: true });
  writeFileSync(join(desk, 'package.json'), '{ "name": "desk", "version": "0.0.0", "private": true }');
  // Without it, Yarn takes the folder for a part of a project above it.
  if (name === 'yarn 4') writeFileSync(join(desk, 'yarn.lock'), '');
  const env = environment(home);
  const program = join(ROOT, 'node_modules', PROGRAMS[name]);
  const useToken = (token: string | null) => configure(name, url, home, token);
  useToken(null);
  return {
    name,
    home,
    run: (args, { cwd = desk, env: more = {}, answers = [], terminal = false } = {}) => {
      const command = [process.execPath, program, ...args];
      return runClient(terminal ? atTerminal(command) : command, { cwd, env: { ...env, ...more } }, answers);
    },
    useToken,
    clearCaches() {
      for (const cache of CACHES) rmSync(join(home, cache), { recursive: true, force: true });
    },
  };
}

/** All of it: nothing of this user's environment is passed on. */
function environment(home: string): Readonly<Record<string, string>> {
  return {
    HOME: home,
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    TMPDIR: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_STATE_HOME: join(home, 'state'),
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: '127.0.0.1',
    // Yarn 1 gives root a home for all; under fakeroot it keeps to HOME.
    FAKEROOTKEY: '1',
  };
}

function configure(name: ClientName, url: string, home: string, token: string | null): void {
  const { host, pathname } = new URL(url);
  const rc = [
    `registry=${url}`,
    `cache=${join(home, 'cache/npm')}`,
    'audit=false',
    'fund=false',
    'update-notifier=false',
    'fetch-retries=0',
  ];
  const secrets = token === null ? [] : [`//${host}${pathname}:_authToken=${token}`];
  const lines = (all: readonly string[]) => `${all.join('\n')}\n`;
  writeFileSync(join(home, '.npmrc'), lines(name === 'pnpm' ? rc : [...rc, ...secrets]));
  if (name === 'pnpm') {
    const settings = { minimumReleaseAge: 0, gitChecks: false };
    mkdirSync(join(home, 'config/pnpm'), { recursive: true });
    writeFileSync(join(home, 'config/pnpm/auth.ini'), lines(secrets));
    writeFileSync(join(home, 'config/pnpm/config.yaml'), JSON.stringify(settings));
  }
  if (name === 'yarn 1') writeFileSync(join(home, '.yarnrc'), `registry "${url}"\ndisable-self-update-check true\n`);
  if (name === 'yarn 4') {
    const settings = {
      npmRegistryServer: url,
      unsafeHttpWhitelist: ['127.0.0.1'],
      // Packages of a minute ago must do.
      npmMinimalAgeGate: 0,
      nodeLinker: 'node-modules',
      enableTelemetry: false,
      enableGlobalCache: true,
      globalFolder: join(home, 'berry'),
      httpRetry: 0,
      // Where its login puts it and its logout looks for it.
      npmRegistries: { [url.replace(/\/$/, '')]: token === null ? {} : { npmAuthToken: token } },
    };
    writeFileSync(join(home, '.yarnrc.yml'), JSON.stringify(settings, null, 2));
  }
}

/** The words are ours: none of them has a quotation mark. */
function atTerminal(command: readonly string[]): readonly string[] {
  return [TERMINAL ?? '', '-qfec', command.map((word) => `'${word}'`).join(' '), '/dev/null'];
}

async function runClient(
  [program = '', ...args]: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  answers: readonly Answer[],
): Promise<ClientOutcome> {
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const output = { stdout: '', stderr: '' };
  const waiting = [...answers];
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      const [question, answer] = waiting[0] ?? [];
      if (question === undefined || !question.test(output.stdout)) return;
      waiting.shift();
      child.stdin.write(`${answer}\r\n`);
    });
  }
  // It may end without reading what is typed.
  child.stdin.on('error', () => {});
  if (answers.length === 0) child.stdin.end();
  const [code] = await ended;
  return {
    code,
    ...output,
    text: `${output.stdout}\n${output.stderr}`,
    get json() {
      return JSON.parse(output.stdout);
    },
  };
}

import type { ClientName, ClientOutcome, NpmClient } from '../support/npm-clients.ts';

export interface Account {
  readonly name: string;
  readonly password: string;
}

/** How a client is told to do something; what a client has no command for is absent. */
export interface Commands {
  readonly lockFile: string;
  /** Before a folder can be published. */
  readonly prepare?: readonly string[];
  readonly ping?: readonly string[];
  readonly whoami?: readonly string[];
  readonly logout?: readonly string[];
  /** Fails for packages with known vulnerabilities, of which there are none. */
  readonly audit?: readonly string[];
  readonly publish: readonly string[];
  /** Leaves it to the server to refuse a version that is there. */
  readonly publishBlindly: readonly string[];
  readonly info: readonly string[];
  readonly add: readonly string[];
  /** From the lock file alone. */
  readonly installLocked: readonly string[];
  readonly tag: Readonly<Record<'list' | 'add' | 'remove', readonly string[]>>;
  readonly deprecate?: readonly string[];
  readonly unpublish?: readonly string[];
  readonly search?: readonly string[];
  readonly star?: Readonly<Record<'add' | 'remove', readonly string[]>>;
  /** The name of the package first, then of the user. */
  readonly owner?: Readonly<Record<'list' | 'add' | 'remove', (name: string, user: string) => readonly string[]>>;
  /** Types the name and the password where the client asks for them; for pnpm that is a terminal. */
  login?(client: NpmClient, account: Account): Promise<ClientOutcome>;
}

export const COMMANDS: Readonly<Record<ClientName, Commands>> = {
  npm: {
    lockFile: 'package-lock.json',
    ping: ['ping'],
    whoami: ['whoami'],
    logout: ['logout'],
    audit: ['audit', '--json'],
    publish: ['publish'],
    publishBlindly: ['publish', '--force'],
    info: ['view', '--json'],
    add: ['install'],
    installLocked: ['ci'],
    tag: { list: ['dist-tag', 'ls'], add: ['dist-tag', 'add'], remove: ['dist-tag', 'rm'] },
    deprecate: ['deprecate'],
    unpublish: ['unpublish'],
    search: ['search', '--json'],
    star: { add: ['star'], remove: ['unstar'] },
    owner: {
      list: (name) => ['owner', 'ls', name],
      add: (name, user) => ['owner', 'add', user, name],
      remove: (name, user) => ['owner', 'rm', user, name],
    },
    // The server says that it has no login by web page; the form comes after that.
    login: (client, { name, password }) =>
      client.run(['login'], {
        answers: [
          [/Username: $/, name],
          [/Password: $/, password],
        ],
      }),
  },
  pnpm: {
    lockFile: 'pnpm-lock.yaml',
    ping: ['ping'],
    whoami: ['whoami'],
    logout: ['logout'],
    audit: ['audit', '--json'],
    publish: ['publish', '--no-git-checks'],
    publishBlindly: ['publish', '--no-git-checks'],
    info: ['view', '--json'],
    add: ['add'],
    installLocked: ['install', '--frozen-lockfile'],
    tag: { list: ['dist-tag', 'ls'], add: ['dist-tag', 'add'], remove: ['dist-tag', 'rm'] },
    deprecate: ['deprecate'],
    unpublish: ['unpublish'],
    search: ['search', '--json'],
    star: { add: ['star'], remove: ['unstar'] },
    owner: {
      list: (name) => ['owner', 'ls', name],
      add: (name, user) => ['owner', 'add', name, user],
      remove: (name, user) => ['owner', 'rm', name, user],
    },
    login: (client, { name, password }) =>
      client.run(['login'], {
        terminal: true,
        answers: [
          [/Username:/, name],
          [/Password:/, password],
          [/Email/, 'alice@example.org'],
        ],
      }),
  },
  // Its login asks nothing of the server: it asks when it needs to, as when it publishes. Its audit goes to a host of its own.
  'yarn 1': {
    lockFile: 'yarn.lock',
    publish: ['publish', '--non-interactive'],
    publishBlindly: ['publish', '--non-interactive'],
    info: ['info', '--json'],
    add: ['add', '--non-interactive'],
    installLocked: ['install', '--frozen-lockfile', '--non-interactive'],
    tag: { list: ['tag', 'list'], add: ['tag', 'add'], remove: ['tag', 'remove'] },
  },
  'yarn 4': {
    lockFile: 'yarn.lock',
    prepare: ['install'],
    whoami: ['npm', 'whoami'],
    logout: ['npm', 'logout'],
    audit: ['npm', 'audit', '--json'],
    publish: ['npm', 'publish'],
    publishBlindly: ['npm', 'publish'],
    info: ['npm', 'info', '--json'],
    add: ['add'],
    installLocked: ['install', '--immutable'],
    tag: { list: ['npm', 'tag', 'list'], add: ['npm', 'tag', 'add'], remove: ['npm', 'tag', 'remove'] },
    // It has no other way to be answered than at a terminal.
    login: (client, { name, password }) =>
      client.run(['npm', 'login'], {
        env: { YARN_IS_TEST_ENV: '1', YARN_INJECT_NPM_USER: name, YARN_INJECT_NPM_PASSWORD: password },
      }),
  },
};

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port.ts';
import { childrenOf, endProcess } from './process-tree.ts';
import { findProgram, isExecutable } from './programs.ts';
import { runProgram } from './run-program.ts';

const START_MS = 30_000;
/** Where Debian has the programs of each release. */
const RELEASES = '/usr/lib/postgresql';

export interface PostgresOptions {
  /** As in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Put before the program, as in `['strace', '-f', '-D']`; it must become the program. Runs as the server's user, in `folder`. */
  readonly wrapper?: readonly string[];
}

/** A PostgreSQL server of the tests' own, which trusts whoever comes. */
export interface PostgresServer {
  /** With a user that may do everything, and a database that is empty at first. */
  readonly url: string;
  readonly port: number;
  /** Of the server's first process. Another one after `restart`. */
  readonly pid: number;
  /** Belongs to the server's user; `data` inside has the database, `log` what the server said. */
  readonly folder: string;
  /** Ends it in order: connections are cut, all is written. No harm when it has ended. */
  stop(): Promise<void>;
  /** `kill -9` of all its processes at the same moment, as when the machine fails. */
  kill(): Promise<void>;
  /** Starts it on the same port, after `stop` or `kill`. */
  restart(): Promise<void>;
  /** Ends it and removes the folder. */
  remove(): Promise<void>;
}

/** The folder that has the server's programs: on the path, or the newest release of Debian's; null where there are none. */
export function findPostgres(): string | null {
  const onPath = findProgram('initdb');
  if (onPath !== null && isExecutable(join(dirname(onPath), 'postgres'))) return dirname(onPath);
  try {
    const folders = readdirSync(RELEASES)
      .sort((one, other) => Number(other) - Number(one))
      .map((release) => join(RELEASES, release, 'bin'));
    return (
      folders.find((folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres'))) ?? null
    );
  } catch {
    return null;
  }
}

/**
 * Makes a database in a temporary folder and starts a server on it, on a free loopback port. By default it is as durable as PostgreSQL is.
 * Resolves when it answers; fails with all that it said when it does not.
 */
export async function startPostgres({ settings = {}, wrapper = [] }: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = findPostgres();
  if (programs === null) throw new Error('PostgreSQL is not installed');
  const user = serverUser();
  const folder = makeFolder(user);
  const removeFolder = () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  // The server's user may not be allowed to be where these tests run.
  const place = { cwd: folder, env: cleanEnvironment(), ...user };
  try {
    await makeDatabase(join(programs, 'initdb'), join(folder, 'data'), place);
    const port = await freePort();
    const url = `postgres://entrepot@127.0.0.1:${port}/postgres`;
    const all = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', ...settings };
    const args = [
      '-D',
      join(folder, 'data'),
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ];
    const program = createProgram([...wrapper, join(programs, 'postgres'), ...args], place, url);
    await program.start();
    return {
      url,
      port,
      get pid() {
        return program.pid();
      },
      folder,
      stop: () => program.end('SIGINT'),
      kill: program.kill,
      restart: program.start,
      async remove() {
        await program.end('SIGQUIT');
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

interface Place extends Partial<User> {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

async function makeDatabase(initdb: string, data: string, place: Place): Promise<void> {
  const looks = ['--username', 'entrepot', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C'];
  const { code, stderr } = await runProgram(initdb, ['-D', data, '--no-sync', ...looks], place);
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${stderr}`);
}

interface Program {
  pid(): number;
  start(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
  kill(): Promise<void>;
}

function createProgram([command = '', ...args]: readonly string[], place: Place, url: string): Program {
  const log = join(place.cwd, 'log');
  let server: ChildProcess;
  const isRunning = () => server.exitCode === null && server.signalCode === null;
  // Whoever ends these tests in the middle ends the server, too.
  const endAbruptly = () => server.kill('SIGQUIT');

  async function untilItAnswers(): Promise<void> {
    const giveUpAt = performance.now() + START_MS;
    while (!(await answers(url))) {
      const why = isRunning() ? `did not answer within ${START_MS} ms` : `ended with ${server.exitCode}`;
      if (!isRunning() || performance.now() > giveUpAt) {
        endAbruptly();
        throw new Error(`PostgreSQL ${why}: ${readFileSync(log, 'utf8')}`);
      }
      await sleep(20);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!isRunning()) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  return {
    pid: () => server.pid ?? 0,
    async start() {
      // A file: the server would wait for us when we do not read what it says.
      const output = openSync(log, 'a');
      server = spawn(command, args, { ...place, stdio: ['ignore', output, output] });
      closeSync(output);
      await once(server, 'spawn');
      process.on('exit', endAbruptly);
      server.once('exit', () => process.off('exit', endAbruptly));
      await untilItAnswers();
    },
    end,
    async kill() {
      const { pid = 0 } = server;
      // Stopped, it starts no further ones while we look.
      server.kill('SIGSTOP');
      const children = childrenOf(pid);
      await Promise.all([...children.map(endProcess), end('SIGKILL')]);
    },
  };
}

/** The environment without what the programs and clients of PostgreSQL read from it. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^PG[A-Z]+$/.test(name)));
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  // What happens after the connection is there, such as that the server ends, is no trouble of ours.
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: somebody else then, who is nobody in particular. */
function serverUser(): User | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const found = users.find(([name]) => name === wanted);
    if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and this system has neither a user "postgres" nor a user "nobody"');
}

function makeFolder(user: User | null): string {
  const above = user === null ? tmpdir() : [tmpdir(), '/tmp', '/var/tmp'].find(letsAllThrough);
  if (above === undefined) throw new Error('No folder for temporary files lets other users than root through');
  const folder = mkdtempSync(join(realpathSync(above), 'entrepot-postgres-'));
  if (user !== null) chownSync(folder, user.uid, user.gid);
  return folder;
}

function letsAllThrough(folder: string): boolean {
  for (let path = realpathSync(folder); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

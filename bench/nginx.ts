import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { findProgram, isExecutable } from '../test/support/programs.ts';
import { runProgram } from '../test/support/run-program.ts';
import { type Cores, onServerCore } from './cores.ts';
import type { Subject } from './subjects.ts';

/*
 * nginx, which serves the same bytes as files: what the system and the protocol cost without a registry. One process, as everything that is
 * measured here, on a loopback port and in a folder of its own.
 */

/** A file that nginx is to serve. */
export interface ServedFile {
  /** As clients ask for it, with the leading slash. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** All files have this time of change, so that their entity tags can be told beforehand. */
const CHANGED_AT_SECONDS = 1_600_000_000;
const START_MS = 10_000;

export type FoundNginx =
  | { readonly program: string; readonly version: string }
  | { readonly program: null; readonly why: string };

/**
 * Where nginx is: on the machine, or in this user's cache, into which Debian's package is unpacked where apt-get has it. Nothing is installed, and
 * no service started.
 */
export async function findNginx(): Promise<FoundNginx> {
  const program = findProgram('nginx') ?? (isExecutable('/usr/sbin/nginx') ? '/usr/sbin/nginx' : await unpacked());
  if (program === null) return { program: null, why: 'nginx is not installed, and apt-get cannot fetch it' };
  const { code, stderr } = await runProgram(program, ['-v']);
  const [, version] = /nginx\/(\S+)/.exec(stderr) ?? [];
  if (code !== 0 || version === undefined) return { program: null, why: `nginx does not run: ${stderr.trim()}` };
  return { program, version };
}

async function unpacked(): Promise<string | null> {
  if (findProgram('apt-get') === null || findProgram('dpkg-deb') === null) return null;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'entrepot', 'nginx');
  const program = join(folder, 'usr/sbin/nginx');
  if (existsSync(program)) return program;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    // Root may bring the lists up to date, others have to do with what is there.
    if (process.getuid?.() === 0) await runProgram('apt-get', ['update', '-qq']);
    await runProgram('apt-get', ['download', '-qq', 'nginx'], { cwd: unfinished });
    const archive = readdirSync(unfinished).find((name) => name.endsWith('.deb'));
    if (archive === undefined) return null;
    const { code } = await runProgram('dpkg-deb', ['-x', archive, 'files'], { cwd: unfinished });
    if (code !== 0) return null;
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(unfinished, 'files'), folder);
    return program;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Writes the files below `folder` and serves them. Fails when nginx ends or does not listen in time, with what it wrote. */
export async function startNginx(
  program: string,
  folder: string,
  files: readonly ServedFile[],
  cores: Cores | null,
): Promise<Subject> {
  const root = join(folder, 'files');
  for (const { path, bytes } of files) writeFile(join(root, path), bytes);
  const port = await freePort();
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(configuration, configured(folder, root, port));
  const [command = program, ...args] = [
    ...onServerCore(cores),
    program,
    '-e',
    'stderr',
    '-p',
    folder,
    '-c',
    configuration,
  ];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  for (const startedAt = performance.now(); !(await answers(url)); await pause(50)) {
    if (child.exitCode === null && performance.now() - startedAt < START_MS) continue;
    await stop();
    throw new Error(`nginx did not start: ${complaints}`);
  }
  const entityTag = (_path: string, bytes: number) => `"${CHANGED_AT_SECONDS.toString(16)}-${bytes.toString(16)}"`;
  return { name: 'nginx', url, pid: child.pid ?? 0, authorization: null, entityTag, stop };
}

function writeFile(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  utimesSync(file, CHANGED_AT_SECONDS, CHANGED_AT_SECONDS);
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

function configured(folder: string, root: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${JSON.stringify(join(folder, name))};`,
  );
  return `daemon off;
master_process off;
pid ${JSON.stringify(join(folder, 'nginx.pid'))};
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
${temporary.join('\n')}
  server {
    listen 127.0.0.1:${port};
    root ${JSON.stringify(root)};
  }
}
`;
}

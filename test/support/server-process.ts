import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const START_MS = 30_000;

export interface ServerProcessOptions {
  /** Folder or file; default: the project's own registry. */
  readonly registry?: string;
  readonly data: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** What is run; default: this checkout's `bin/entrepot`. */
  readonly program?: string;
  /** Put before the program, as in `['strace', '-f']`. */
  readonly wrapper?: readonly string[];
  /** The whole command line, in place of all that; the port and the data folder are up to `env`. */
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** What another program than ours writes once it listens; the first group is its URL. */
  readonly listening?: RegExp;
  /** How long it may take to listen; default: 30 s. */
  readonly startMs?: number;
  /** Hears what it writes to the standard error output, before it listens, too. */
  readonly onComplaint?: (text: string) => void;
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  /** Of the server itself: the launcher replaces itself by it. Under a wrapper: of the wrapper. */
  readonly pid: number;
  /** All that it wrote so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Ends it with SIGTERM; fails when it exits with anything but 0. No harm when it has ended. */
  stop(): Promise<void>;
}

/** Starts `entrepot serve` on a free port and waits until it listens. Fails with all that it wrote when it ends before. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const listening = options.listening ?? /^Listening on (http:\S+)$/m;
  const program = options.program ?? join(ROOT, 'bin/entrepot');
  const args = ['serve', '--port', '0', '--data', options.data, ...(options.args ?? [])];
  if (options.registry !== undefined) args.push('--registry', options.registry);
  const [command = program, ...rest] = options.command ?? [...(options.wrapper ?? []), program, ...args];
  const child = spawn(command, rest, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, PORT: '', HOST: '', ENTREPOT_DATA: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.onComplaint?.(text);
  });
  const ended = endOf(child);

  const url = await new Promise<string>((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`${why}\n${stdout}\n${stderr}`));
    const startMs = options.startMs ?? START_MS;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      failed(`The server did not listen within ${startMs} ms`);
    }, startMs);
    child.stdout.on('data', () => {
      const found = listening.exec(stdout)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
    ended.then(({ code, signal }) => {
      clearTimeout(timer);
      failed(`The server ended with ${code ?? signal}`);
    }, reject);
  });

  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    output: () => ({ stdout, stderr }),
    kill,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const { code, signal } = await kill('SIGTERM');
      if (code !== 0) throw new Error(`The server ended with ${code ?? signal}\n${stdout}\n${stderr}`);
    },
  };
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const [code, signal] = await once(child, 'close');
  return { code, signal };
}

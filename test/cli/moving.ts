import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { backup } from '../../src/cli/backup.ts';
import { type Command, type CommandContext, UsageError } from '../../src/cli/command.ts';
import { migrate } from '../../src/cli/migrate.ts';
import { restore } from '../../src/cli/restore.ts';
import { seed } from '../../src/cli/seed.ts';
import { user } from '../../src/cli/user.ts';
import type { Definition } from '../../src/definition/types.ts';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { readSpelledStore } from '../../src/spelled-store.ts';
import { ROOT } from '../house/source-files.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type Outcome, runProgram } from '../support/run-program.ts';
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts';

export const BIN: string = join(ROOT, 'bin/entrepot');

/** Runs a command of the program to its end, as a process. */
export function program(...args: readonly string[]): Promise<Outcome> {
  return runProgram(BIN, args, { cwd: ROOT, env: { ...process.env, ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD } });
}

const COMMANDS: Readonly<Record<string, Command>> = { backup, restore, migrate, seed, user };

/** The same in this process, which takes a tenth of the time. */
export async function entrepot(name: string, ...args: readonly string[]): Promise<Outcome> {
  const out = { stdout: '', stderr: '' };
  const context: CommandContext = {
    print: (line) => {
      out.stdout += `${line}\n`;
    },
    complain: (line) => {
      out.stderr += `${line}\n`;
    },
    env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD },
    colours: false,
  };
  try {
    return { code: (await COMMANDS[name]?.run(args, context)) ?? null, ...out };
  } catch (thrown) {
    if (thrown instanceof UsageError) return { code: 2, stdout: out.stdout, stderr: thrown.message };
    if (!(thrown instanceof RegistryError)) throw thrown;
    return { code: 1, stdout: out.stdout, stderr: `${out.stderr}${thrown.code}: ${thrown.message}\n` };
  }
}

/** Starts the default registry on a data folder; it is gone when the test ends. */
export async function serving(data: string, options: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> {
  const env = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, ...options.env };
  const server = await startServerProcess({ ...options, data, env });
  onTestFinished(async () => void (await server.kill('SIGKILL')));
  return server;
}

/** Publishes content as a package's only version. */
export async function publish(server: ServerProcess, name: string, content: Uint8Array | string): Promise<void> {
  const body = typeof content === 'string' ? content : new Uint8Array(content);
  const response = await fetch(`${server.url}/v1/acme/${name}/1.0.0/any/blob`, { method: 'PUT', headers: ADMIN, body });
  expect(response.status, await response.text()).toBe(201);
}

/** The whole log, as a server shows it. */
export async function eventsOf(server: ServerProcess): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (let after = 0; ; ) {
    const response = await fetch(`${server.url}/v1/events?limit=500&after=${after}`, { headers: ADMIN });
    const { events, next } = (await response.json()) as { events: unknown[]; next: number };
    if (events.length === 0) return all;
    all.push(...events);
    after = next;
  }
}

/** Names of the packages that a server lists. */
export async function packagesOf(server: ServerProcess): Promise<readonly string[]> {
  const names: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await fetch(`${server.url}/v1/packages?limit=100${query}`);
    const page = (await response.json()) as { items: { name: string }[]; next: string | null };
    names.push(...page.items.map(({ name }) => name));
    cursor = page.next;
    if (cursor === null) return names;
  }
}

/** What a server answers about a package, and its content: everything that a client can tell apart. */
export async function answersOf(server: ServerProcess, name: string): Promise<readonly unknown[]> {
  const paths = [`/v1/acme/${name}/versions`, `/v1/acme/${name}/latest`, `/v1/acme/${name}/1.0.0/any/blob`];
  return Promise.all(
    paths.map(async (path) => {
      const response = await fetch(server.url + path);
      const headers = Object.fromEntries(
        [...response.headers].filter(
          ([header]) => !['date', 'x-request-id', 'connection', 'keep-alive'].includes(header),
        ),
      );
      return [path, response.status, headers, Buffer.from(await response.arrayBuffer()).toString('base64')];
    }),
  );
}

/** All that a record store holds, in one text: that of a data folder, beside a server if one is running, or another one. */
export async function recordsIn(data: string, store: string = 'sqlite'): Promise<string> {
  const opened = openSpelled(data, store);
  const dump = await opened.dump();
  const lines: string[] = [];
  for (const { name } of dump.collections) {
    for await (const batch of dump.records(name)) lines.push(...batch.map((record) => JSON.stringify([name, record])));
  }
  for await (const batch of dump.log()) lines.push(...batch.map((event) => JSON.stringify(event)));
  await dump.close();
  await opened.close();
  return lines.join('\n');
}

/** Opens a record store as it is spelled on the command line; nothing is migrated. */
export function openSpelled(data: string, store: string): RecordStore {
  const definition = { kvStores: { meta: { kind: 'sqlite', path: null, server: null } } } as unknown as Definition;
  return readSpelledStore(store, { definition, name: 'meta', data, env: {} }).open(systemClock);
}

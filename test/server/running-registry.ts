import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openRegistry, type Registry } from '../../src/main.ts';
import { packagesRegistry } from '../support/packages-registry.ts';
import { parseAnswer, type RawAnswer, type RawConnection } from '../support/raw-request.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** `Authorization: ...` with its line end. */
export const AS_ADMIN = `Authorization: ${ADMIN.authorization}\r\n`;
export const BLOB = '/v1/acme/tool/1.0.0/any/blob';

/** The project's registry, with a merge patch, served by a process of its own. */
export interface RunningRegistry {
  readonly server: ServerProcess;
  readonly data: string;
  /** The same registry on the same data, in this process: for looking at what the server stored. Close it. */
  open(): Promise<Registry>;
  /** Ends the server, and starts it again on its data. */
  restart(): Promise<ServerProcess>;
  /** Names of files that hold what is being written. */
  temporaryFiles(): readonly string[];
  /** Ends the server and removes everything. */
  remove(): Promise<void>;
}

export async function runRegistry(
  patch: object,
  env: Readonly<Record<string, string>> = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD },
): Promise<RunningRegistry> {
  const { path, remove } = makeTemporaryFolder();
  const registry = packagesRegistry(patch, path);
  const data = join(path, 'data');
  // On a busy machine everything is slow; what these servers say on their error output is trouble.
  const start = () => startServerProcess({ registry, data, env, args: ['--slow-ms', '60000'] });
  let server = await start();
  return {
    get server() {
      return server;
    },
    data,
    async open() {
      const opened = await openRegistry({ registry, data, env: {} });
      if (!opened.ok) throw new Error('The registry is served but cannot be opened');
      return opened.registry;
    },
    async restart() {
      await server.stop();
      server = await start();
      return server;
    },
    temporaryFiles: () => readdirSync(join(data, 'blobs/tmp')),
    async remove() {
      await server.kill('SIGKILL');
      remove();
    },
  };
}

/** The first whole answer on a connection that may stay open. Fails when the connection ends without one. */
export async function answerOn(connection: RawConnection): Promise<RawAnswer> {
  const bytes = await connection.received((so_far) => {
    const end = so_far.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const { headers, body } = parseAnswer(so_far);
    return body.length >= Number(headers['content-length'] ?? 0);
  });
  return parseAnswer(bytes);
}

/** A refusal as clients know it: this status and code, the one shape of errors, and nothing of the inside. */
export function expectError(answer: RawAnswer, status: number, code: string, why: string): void {
  const text = answer.body.toString();
  expect({ status: answer.status, text }, why).toMatchObject({ status });
  expect(answer.headers['content-type'], why).toBe('application/json');
  const { details, ...error } = JSON.parse(text).error;
  expect(error, why).toEqual({ code, message: expect.any(String), request_id: expect.any(String) });
  expect(text, why).not.toMatch(/\bat .*:\d+:\d+|node:|\.ts\b|\/tmp\//);
}

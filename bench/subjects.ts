import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServerProcess } from '../test/support/server-process.ts';
import { type Cores, onServerCore } from './cores.ts';

/** A server that is measured. */
export interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Authorization of whoever may publish; null where nothing is published. */
  readonly authorization: string | null;
  /** The tag that it gives to a file of so many bytes; absent where that is the digest. */
  entityTag?(path: string, bytes: number): string;
  stop(): Promise<void>;
}

interface StartOptions {
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workers?: number;
}

/** Whether it has no blobs, only as many bytes as are asked for. */
export function isConstant({ authorization, entityTag }: Subject): boolean {
  return authorization === null && entityTag === undefined;
}

/**
 * The default registry on its embedded stores. With `caches` as `npm start` runs it; without them it looks up, reads and makes each answer, as
 * the server by hand does.
 */
export function startRegistry(
  folder: string,
  cores: Cores | null,
  caches: boolean,
  more: StartOptions = {},
): Promise<Subject> {
  const registry = caches ? PROJECT : withoutCaches(join(folder, 'definition'));
  return startRegistryOn(registry, join(folder, 'registry'), randomBytes(18).toString('base64url'), cores, more);
}

/** A registry on a data folder, whose administrator has this password or gets it. */
export async function startRegistryOn(
  registry: string,
  data: string,
  password: string,
  cores: Cores | null,
  { env = {}, workers = 1 }: StartOptions = {},
): Promise<Subject> {
  const server = await startServerProcess({
    registry,
    data,
    env: { ...env, ENTREPOT_ADMIN_PASSWORD: password },
    args: ['--workers', String(workers)],
    ...wrapped(cores),
  });
  const login = await fetch(`${server.url}/auth/login`, {
    method: 'POST',
    body: JSON.stringify({ username: 'admin', password }),
  });
  const { token } = (await login.json()) as { readonly token: string };
  return { name: 'registry', url: server.url, pid: server.pid, authorization: `Bearer ${token}`, stop: server.stop };
}

/** The folder of the default registry. */
export const PROJECT = join(import.meta.dirname, '..');

/** A copy of the default registry's definition whose caching sections are off. */
export function withoutCaches(folder: string): string {
  return changedDefinition(folder, (schema) => {
    for (const section of Object.values(schema.caching ?? {})) section.enabled = false;
  });
}

/** What of `schema.json` a bench may change. */
export interface ChangeableSchema {
  readonly caching?: Readonly<Record<string, { enabled?: boolean }>>;
  readonly ops: { readonly limits: Record<string, number> };
}

/** A copy of the default registry's definition, its `schema.json` changed. */
export function changedDefinition(folder: string, change: (schema: ChangeableSchema) => void): string {
  mkdirSync(folder, { recursive: true });
  cpSync(join(PROJECT, 'routes'), join(folder, 'routes'), { recursive: true });
  const schema: ChangeableSchema = JSON.parse(readFileSync(join(PROJECT, 'schema.json'), 'utf8'));
  change(schema);
  writeFileSync(join(folder, 'schema.json'), JSON.stringify(schema));
  return folder;
}

/** The same routes by hand. */
export async function startHandWritten(folder: string, cores: Cores | null): Promise<Subject> {
  const data = join(folder, 'hand-written');
  mkdirSync(data, { recursive: true });
  const token = randomBytes(32).toString('base64url');
  const server = await startScript('hand-written.ts', [data, token], cores);
  return { name: 'by hand', url: server.url, pid: server.pid, authorization: `Bearer ${token}`, stop: server.stop };
}

/** A constant, by node:http or by Hono. */
export async function startFloor(kind: 'node' | 'hono', cores: Cores | null): Promise<Subject> {
  const server = await startScript('floor.ts', [kind], cores);
  return {
    name: kind === 'node' ? 'node:http' : 'Hono',
    url: server.url,
    pid: server.pid,
    authorization: null,
    stop: server.stop,
  };
}

function startScript(file: string, args: readonly string[], cores: Cores | null) {
  const command = [...onServerCore(cores), process.execPath, join(import.meta.dirname, file), ...args];
  return startServerProcess({ data: '', command });
}

function wrapped(cores: Cores | null): { wrapper?: readonly string[] } {
  const wrapper = onServerCore(cores);
  return wrapper.length === 0 ? {} : { wrapper };
}

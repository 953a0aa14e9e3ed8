import { readFileSync } from 'node:fs';
import type { GuardedRecordStore } from './adapters/guards/record-store.ts';
import { type RecordServerOptions, recordStores } from './adapters/index.ts';
import type { KvStoreDefinition, PostgresServerDefinition, PostgresTlsDefinition } from './definition/types.ts';
import { RegistryError } from './errors/registry-error.ts';
import type { Clock } from './shared/clock.ts';
import { STORE_ENV, serverUrl } from './store-choice.ts';

export interface OpenRecordStoreOptions {
  /** The data folder, absolute; null: nothing is to be kept, and no server to be asked. */
  readonly data: string | null;
  /** Where URLs with passwords are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** No threads of the store's own: for short work that nobody waits beside. */
  readonly inline?: boolean;
}

/** Whether several processes may have the records of such a store. */
export function isShared({ kind }: KvStoreDefinition): boolean {
  return adapterOf(kind).capabilities.shared;
}

/** Opens the adapter that a definition names for one of its record stores. Fails with STORE_FAILURE. */
export function openRecordStore(
  name: string,
  { kind, path, server }: KvStoreDefinition,
  { data, env, clock, inline = false }: OpenRecordStoreOptions,
): GuardedRecordStore {
  return adapterOf(kind).open({
    name,
    data,
    path,
    server: server === null ? null : serverOf(server, env),
    clock,
    inline,
  });
}

function adapterOf(kind: string): (typeof recordStores)[keyof typeof recordStores] {
  if (!Object.hasOwn(recordStores, kind))
    throw new RegistryError('STORE_FAILURE', { message: `There are no record stores of the kind "${kind}"` });
  return recordStores[kind as keyof typeof recordStores];
}

function serverOf(
  { url, urlEnv, schema, poolSize, tls }: PostgresServerDefinition,
  env: OpenRecordStoreOptions['env'],
): RecordServerOptions {
  const said = url ?? env[urlEnv] ?? null;
  if (said === null || said === '') {
    throw new RegistryError('STORE_FAILURE', {
      message: `Where the PostgreSQL server is stands in the variable ${urlEnv}, which is not set`,
    });
  }
  return {
    url: urlEnv === STORE_ENV ? serverUrl(said) : said,
    schema,
    poolSize,
    tls: tls === null ? null : readTls(tls),
  };
}

function readTls({ caFile, certFile, keyFile, serverName, verify }: PostgresTlsDefinition) {
  const read = (file: string | null): string | undefined => {
    if (file === null) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (thrown) {
      throw new RegistryError('STORE_FAILURE', { message: `The file ${file} cannot be read`, cause: thrown });
    }
  };
  return {
    ca: read(caFile),
    cert: read(certFile),
    key: read(keyFile),
    servername: serverName ?? undefined,
    rejectUnauthorized: verify,
  };
}

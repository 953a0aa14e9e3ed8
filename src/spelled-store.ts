import { placeOfStore } from './adapters/index.ts';
import type { Definition } from './definition/types.ts';
import { RegistryError } from './errors/registry-error.ts';
import { openRecordStore } from './open-record-store.ts';
import type { RecordStore } from './ports/record-store.ts';
import type { Clock } from './shared/clock.ts';
import { STORE_ENV, STORE_FORMS, serverUrl, withStore } from './store-choice.ts';

/** One record store as a person names it on the command line. */
export interface SpelledStore {
  /** The same place in full and without a password: for people, and to tell places apart. */
  readonly label: string;
  /** The file or folder without which there is nothing in it; null where it is on a server. */
  readonly path: string | null;
  open(clock: Clock): RecordStore;
}

export interface SpelledStoreOptions {
  readonly definition: Definition;
  /** Of the store in the definition. */
  readonly name: string;
  /** Absolute. */
  readonly data: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads one of `STORE_FORMS`, but for those in memory. Fails with STORE_FAILURE and a sentence. */
export function readSpelledStore(text: string, { definition, name, data, env }: SpelledStoreOptions): SpelledStore {
  const alone = { ...definition, kvStores: { [name]: definition.kvStores[name]! } };
  const declared = withStore(alone, text).kvStores[name];
  if (declared === undefined || declared.kind === 'memory') {
    throw new RegistryError('STORE_FAILURE', { message: `A store in memory cannot be moved: ${STORE_FORMS}` });
  }
  const own: SpelledStoreOptions['env'] = { ...env, [STORE_ENV]: text };
  const path = placeOfStore(declared.kind, { name, data, path: declared.path });
  const url = declared.server === null ? null : (own[declared.server.urlEnv] ?? '');
  return {
    label: url === null ? `${declared.kind}:${path}` : serverLabel(url, declared.server?.schema ?? null),
    path,
    open: (clock) => openRecordStore(name, declared, { data, env: own, clock }),
  };
}

function serverLabel(url: string, schema: string | null): string {
  const shown = URL.parse(url === '' ? '' : serverUrl(url));
  if (shown === null) return 'postgres';
  shown.password = '';
  if (schema !== null) shown.searchParams.set('schema', schema);
  return shown.href;
}

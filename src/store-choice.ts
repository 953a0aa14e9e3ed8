import type { Definition, KvStoreDefinition } from './definition/types.ts';
import { RegistryError } from './errors/registry-error.ts';

/** The variable that chooses a store, and that holds its URL where that is one. */
export const STORE_ENV = 'ENTREPOT_STORE';

/** The ways to write a store on the command line and in the environment. */
export const STORE_FORMS = 'memory, sqlite, sqlite:FILE, pglite, pglite:FOLDER, postgres://user@host/database';

/**
 * The definition with all its record stores of the kind that somebody chose at the start, in place of what it says itself; the same
 * definition where nobody did. `choice` is one of `STORE_FORMS`; a PostgreSQL URL may end in `?schema=NAME`. The URL itself stays in the
 * environment: it may hold a password. Fails with STORE_FAILURE on what is no store.
 */
export function withStore(definition: Definition, choice: string | null): Definition {
  if (choice === null) return definition;
  const names = Object.keys(definition.kvStores);
  const chosen = readChoice(choice);
  if (chosen.path !== null && names.length > 1)
    refuse(`"${choice}" is one place, and this registry has ${names.length} record stores: ${names.join(', ')}`);
  return { ...definition, kvStores: Object.fromEntries(names.map((name) => [name, chosen])) };
}

/** The URL of the server that a choice names. */
export function serverUrl(choice: string): string {
  const url = new URL(choice);
  url.searchParams.delete('schema');
  return url.href;
}

function readChoice(choice: string): KvStoreDefinition {
  const [, kind = '', path = null] = /^([a-z]+)(?::(.+))?$/s.exec(choice) ?? [];
  switch (kind) {
    case 'memory':
      if (path === null) return { kind, path: null, server: null };
      break;
    case 'sqlite':
    case 'pglite':
      return { kind, path, server: null };
    case 'postgres':
    case 'postgresql': {
      const url = path === null ? null : URL.parse(choice);
      if (path !== null && url === null) break;
      const schema = url?.searchParams.get('schema') ?? null;
      const urlEnv = path === null ? 'ENTREPOT_POSTGRES_URL' : STORE_ENV;
      return { kind: 'postgres', path: null, server: { url: null, urlEnv, schema, poolSize: null, tls: null } };
    }
  }
  // Not the text itself, which may hold a password.
  refuse(`"${kind || 'this'}" is not a store that can be chosen: ${STORE_FORMS}`);
}

function refuse(message: string): never {
  throw new RegistryError('STORE_FAILURE', { message });
}

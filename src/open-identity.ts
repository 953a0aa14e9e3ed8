import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Finding } from './definition/findings.ts';
import { loadDefinition } from './definition/load.ts';
import { ENGINE_COLLECTIONS } from './engine-secrets.ts';
import { RegistryError } from './errors/registry-error.ts';
import { IDENTITY_COLLECTIONS, projectIdentity } from './identity/collections.ts';
import type { Identity } from './identity/identity.ts';
import { identityOf } from './identity-of.ts';
import { vocabulary } from './main.ts';
import { openRecordStore } from './open-record-store.ts';
import { type Clock, systemClock } from './shared/clock.ts';
import { STORE_ENV, withStore } from './store-choice.ts';

export { generatePassword } from './identity/generate-password.ts';
export type { Identity } from './identity/identity.ts';
export { tokenJson, userJson } from './identity/json.ts';
export type { TokenView } from './identity/tokens.ts';
export type { UserView } from './identity/user-view.ts';

export type OpenIdentityResult =
  | { readonly ok: true; readonly identity: Identity; close(): Promise<void> }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Opens the users and tokens of a data folder and nothing else of the registry; a server may be running on it. Nobody is made: not
 * even `admin`. A definition with errors is not opened. Fails with STORE_FAILURE where the definition keeps its records in memory,
 * which no other process sees.
 */
export async function openIdentityFolder(options: {
  /** A folder with `schema.json`, or one file. */
  readonly registry: string;
  readonly data: string;
  /** As in `RegistryOptions`. */
  readonly store?: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}): Promise<OpenIdentityResult> {
  const { definition: loaded, findings } = await loadDefinition(resolve(options.registry), await vocabulary());
  if (loaded === null) return { ok: false, findings };
  const { store: choice = null } = options;
  const definition = withStore(loaded, choice);
  const clock = options.clock ?? systemClock;
  const [name, declared] = Object.entries(definition.kvStores)[0] ?? [];
  if (name === undefined || declared === undefined || declared.kind === 'memory') {
    throw new RegistryError('STORE_FAILURE', {
      message:
        'This registry keeps its records in memory: its users are those of the running server, under /auth/users',
    });
  }
  const data = resolve(options.data);
  await mkdir(data, { recursive: true });
  const env = choice === null ? options.env : { ...options.env, [STORE_ENV]: choice };
  const store = openRecordStore(name, declared, { data, env, clock, inline: true });
  try {
    await store.migrate([...IDENTITY_COLLECTIONS, ...ENGINE_COLLECTIONS], projectIdentity);
    const identity = await identityOf(definition, store, clock);
    return { ok: true, identity, close: async () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Finding } from './definition/findings.ts';
import { loadDefinition } from './definition/load.ts';
import { vocabulary } from './main.ts';
import { openRecordStore } from './open-record-store.ts';
import type { RecordStore, StoreTables } from './ports/record-store.ts';
import { systemClock } from './shared/clock.ts';
import { STORE_ENV, withStore } from './store-choice.ts';

export type { EngineMigration, StoreTables } from './ports/record-store.ts';

export type OpenTablesResult =
  | { readonly ok: true; readonly tables: ReadonlyMap<string, StoreTables>; close(): Promise<void> }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * The tables of a registry's record stores, by the stores' names, for an administrator; stores that keep nothing have none. Nothing is
 * migrated. A definition with errors is not opened.
 */
export async function openStoreTables(options: {
  /** A folder with `schema.json`, or one file. */
  readonly registry: string;
  readonly data: string;
  /** As in `RegistryOptions`. */
  readonly store: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<OpenTablesResult> {
  const { definition, findings } = await loadDefinition(resolve(options.registry), await vocabulary());
  if (definition === null) return { ok: false, findings };
  const data = resolve(options.data);
  await mkdir(data, { recursive: true });
  const env = options.store === null ? options.env : { ...options.env, [STORE_ENV]: options.store };
  const stores = new Map<string, RecordStore>();
  const close = async () => {
    for (const store of stores.values()) await store.close();
  };
  try {
    for (const [name, declared] of Object.entries(withStore(definition, options.store).kvStores))
      stores.set(name, openRecordStore(name, declared, { data, env, clock: systemClock, inline: true }));
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const tables = [...stores].flatMap(([name, store]) =>
    store.tables === undefined ? [] : [[name, store.tables] as const],
  );
  return { ok: true, tables: new Map(tables), close };
}

import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { CollectionSpec } from '../../ports/record-store.ts';
import type { PgRow } from './postgres-driver.ts';
import { createPgIndexWriter, type PgIndexWriter } from './postgres-index-writer.ts';
import { type PgStatement, statement } from './postgres-statement.ts';
import { type CollectionLayout, type IndexLayout, layoutCollection, specName, storedLayout } from './sql-layout.ts';
import { type Bindings, param } from './sql-statement.ts';

/** Runs a statement on some connection. */
type Run = (statement: PgStatement, values: Bindings) => Promise<readonly PgRow[]>;

/** The collections of the store as this process knows them, and the writers of their indexes. */
export interface PgLayouts {
  collection(name: string): CollectionLayout;
  index(collection: string, name: string): IndexLayout;
  /** By index name, in the order declared. */
  writersOf(collection: string): ReadonlyMap<string, PgIndexWriter>;
  /** Of the indexes as they were read last: while the store's is the same, they have not changed. */
  readonly generation: number;
  /**
   * Reads all collections again. `migrated` becomes what this process holds to be right. Fails with STORE_FAILURE when another process
   * changed such a collection to something else: this one's index rows would be wrong.
   */
  reload(run: Run, migrated: readonly CollectionSpec[]): Promise<void>;
}

const STORED = statement(sql`SELECT value FROM meta WHERE name >= ${param('from')} AND name < ${param('to')}`);
const GENERATION = statement(sql`SELECT generation FROM state`);

export function createPgLayouts(): PgLayouts {
  const collections = new Map<string, CollectionLayout>();
  const writers = new Map<string, ReadonlyMap<string, PgIndexWriter>>();
  const mine = new Map<string, string>();
  let known = -1;

  function collection(name: string): CollectionLayout {
    const layout = collections.get(name);
    if (layout === undefined)
      throw new RegistryError('INTERNAL', { message: `There is no collection "${name}" in the store` });
    return layout;
  }

  return {
    collection,
    index(of, name) {
      const layout = collection(of).indexes.get(name);
      if (layout === undefined)
        throw new RegistryError('INTERNAL', { message: `There is no index "${name}" of "${of}"` });
      return layout;
    },
    writersOf(name) {
      const ready = writers.get(name);
      if (ready !== undefined) return ready;
      const made = new Map(
        [...collection(name).indexes].map(([index, layout]) => [index, createPgIndexWriter(layout)]),
      );
      writers.set(name, made);
      return made;
    },
    get generation() {
      return known;
    },
    async reload(run, migrated) {
      for (const spec of migrated) mine.set(spec.name, layoutCollection(spec).text);
      // The number first: what changes in between makes it too old, never too new.
      const [state] = await run(GENERATION, {});
      const rows = await run(STORED, { from: specName(''), to: 'collection;' });
      const found = new Map(
        rows.map(([value]) => {
          const layout = storedLayout(String(value));
          return [layout.name, layout];
        }),
      );
      for (const [name, text] of mine) {
        if (found.get(name)?.text === text) continue;
        throw new RegistryError('STORE_FAILURE', {
          message: `Another process changed the indexes of "${name}": this one has another definition and must be restarted`,
        });
      }
      for (const [name, layout] of found) {
        if (collections.get(name)?.text === layout.text) continue;
        collections.set(name, layout);
        writers.delete(name);
      }
      known = Number(state?.[0]);
    },
  };
}

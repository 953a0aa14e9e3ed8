import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { CollectionSpec } from '../../ports/record-store.ts';
import { type CollectionLayout, layoutCollection, specName, storedLayout } from './sql-layout.ts';
import { param } from './sql-statement.ts';
import { createIndexWriter, type IndexWriter } from './sqlite-index-writer.ts';
import { prepare } from './sqlite-statement.ts';
import type { Transactor } from './sqlite-transaction.ts';

/** The collections of the file as this process knows them, and the writers of their indexes. */
export interface SqliteLayouts {
  readonly collections: ReadonlyMap<string, CollectionLayout>;
  /** By index name, in the order declared. */
  writersOf(collection: string): ReadonlyMap<string, IndexWriter>;
  /** Writes the index rows that wait to be written together. */
  writeWaiting(): void;
  /**
   * Called inside a transaction with the generation read there. When another process migrated meanwhile, learns what it did; fails with
   * STORE_FAILURE when it changed a collection that this process migrated to something else: this one's index rows would be wrong.
   */
  follow(generation: number): void;
  /** Reads all collections again. `migrated` becomes what this process holds to be right. */
  reload(migrated: readonly CollectionSpec[]): void;
}

export function createLayouts(database: Database, transactor: Pick<Transactor, 'undone'>): SqliteLayouts {
  const collections = new Map<string, CollectionLayout>();
  const writers = new Map<string, ReadonlyMap<string, IndexWriter>>();
  const mine = new Map<string, string>();
  const stored = prepare(
    database,
    sql`SELECT name, value FROM meta WHERE name >= ${param('from')} AND name < ${param('to')}`,
  );
  const state = prepare(database, sql`SELECT generation FROM state`);
  let known = -1;

  function read(generation: number): void {
    const found = new Map<string, CollectionLayout>();
    for (const [, value] of stored.rows({ from: specName(''), to: 'collection;' })) {
      const layout = storedLayout(String(value));
      found.set(
        layout.name,
        collections.get(layout.name)?.text === layout.text ? (collections.get(layout.name) ?? layout) : layout,
      );
    }
    for (const [name, text] of mine) {
      if (found.get(name)?.text === text) continue;
      throw new RegistryError('STORE_FAILURE', {
        message: `Another process changed the indexes of "${name}": this one has another definition and must be restarted`,
      });
    }
    for (const [name, layout] of found) collections.set(name, layout);
    // What they remember of tables may not be so any more: these may have been taken away and made again.
    writers.clear();
    known = generation;
  }

  const layouts: SqliteLayouts = {
    collections,
    writersOf(collection) {
      const ready = writers.get(collection);
      if (ready !== undefined) return ready;
      const layout = collections.get(collection);
      if (layout === undefined) {
        throw new RegistryError('INTERNAL', { message: `There is no collection "${collection}" in the store` });
      }
      const current = [...layout.indexes].filter(([, index]) => index.isCurrent);
      const made = new Map(
        current.map(([name, index]) => [name, createIndexWriter(database, index, () => transactor.undone)]),
      );
      writers.set(collection, made);
      return made;
    },
    writeWaiting() {
      for (const all of writers.values()) for (const writer of all.values()) writer.writeWaiting();
    },
    follow(generation) {
      if (generation !== known) read(generation);
    },
    reload(migrated) {
      for (const spec of migrated) mine.set(spec.name, layoutCollection(spec).text);
      read(Number(state.row({})?.[0]));
    },
  };
  layouts.reload([]);
  return layouts;
}

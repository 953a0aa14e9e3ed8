import { RegistryError } from '../../errors/registry-error.ts';
import type { IndexRows, IndexSpec, ProjectRecord } from '../../ports/record-store.ts';
import { compareBytes } from '../../shared/compare.ts';
import { MemoryIndex, type MemoryRow } from './memory-index.ts';
import { firstAbove } from './sorted.ts';

export interface MemoryRecord {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly expiresAt: number | null;
}

/** Rows of one record, with the index that each belongs to. */
export type EncodedRows = readonly { readonly index: MemoryIndex; readonly row: MemoryRow }[];

/** One collection of the memory store: records, their keys in byte order, and the indexes. */
export class MemoryCollection {
  readonly name: string;
  readonly records = new Map<string, MemoryRecord>();
  readonly keys: string[] = [];
  #indexes = new Map<string, MemoryIndex>();

  constructor(name: string) {
    this.name = name;
  }

  index(name: string): MemoryIndex {
    const index = this.#indexes.get(name);
    if (index === undefined)
      throw new RegistryError('INTERNAL', { message: `There is no index "${name}" of "${this.name}"` });
    return index;
  }

  /** Fails with VALUE_INVALID on what cannot be indexed. */
  encode(key: string, rows: IndexRows): EncodedRows {
    const encoded: { index: MemoryIndex; row: MemoryRow }[] = [];
    for (const [name, index] of this.#indexes) {
      const row = rows[name];
      if (row !== undefined) encoded.push({ index, row: index.encode(key, row) });
    }
    return encoded;
  }

  put(record: MemoryRecord, rows: EncodedRows): void {
    if (!this.records.has(record.key)) this.keys.splice(firstAbove(this.keys, record.key, compareBytes), 0, record.key);
    this.records.set(record.key, record);
    for (const index of this.#indexes.values()) index.delete(record.key);
    for (const { index, row } of rows) index.put(row);
  }

  delete(key: string): void {
    if (!this.records.delete(key)) return;
    this.keys.splice(firstAbove(this.keys, key, compareBytes) - 1, 1);
    for (const index of this.#indexes.values()) index.delete(key);
  }

  /**
   * The record that holds a unique key which one of the rows claims: a stored one that `counts`, or one whose claim was noted
   * in `claimed` before. Notes the claims of these rows.
   */
  conflict(
    rows: EncodedRows,
    claimed: Map<string, string>,
    counts: (record: MemoryRecord) => boolean,
  ): { readonly index: string; readonly keyName: string; readonly holder: string } | null {
    for (const { index, row } of rows) {
      for (const { keyName, tuple, holders } of index.claims(row)) {
        const stored = holders.find((key) => {
          const record = this.records.get(key);
          return record !== undefined && key !== row.key && counts(record);
        });
        const claim = JSON.stringify([index.spec.name, keyName, tuple]);
        const holder = stored ?? claimed.get(claim);
        if (holder !== undefined) return { index: index.spec.name, keyName, holder };
        claimed.set(claim, row.key);
      }
    }
    return null;
  }

  /**
   * Replaces the indexes. New and changed ones are filled beside the old ones and take their place in one step, once they hold
   * every record in its newest version: others may write while `project` is waited for.
   */
  async migrate(specs: readonly IndexSpec[], project: ProjectRecord, now: () => number): Promise<void> {
    const next = new Map<string, MemoryIndex>();
    const fresh: MemoryIndex[] = [];
    for (const spec of specs) {
      const known = this.#indexes.get(spec.name);
      const isSame = known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec);
      const index = isSame ? known : new MemoryIndex(spec);
      if (!isSame) fresh.push(index);
      next.set(spec.name, index);
    }
    const done = new Map<string, number>();
    for (;;) {
      const waiting = [...this.records.values()].filter(({ key, version }) => done.get(key) !== version);
      if (fresh.length === 0 || waiting.length === 0) break;
      for (const { key, value, version } of waiting) {
        const rows = await project(this.name, key, value);
        for (const index of fresh) {
          const row = rows[index.spec.name];
          if (row === undefined) index.delete(key);
          else index.put(index.encode(key, row));
        }
        done.set(key, version);
      }
    }
    for (const index of fresh) {
      for (const key of done.keys()) if (!this.records.has(key)) index.delete(key);
      this.#refuseDuplicates(index, now());
    }
    this.#indexes = next;
  }

  #refuseDuplicates(index: MemoryIndex, now: number): void {
    for (const { key, rows } of index.duplicates()) {
      const living = rows.filter((row) => {
        const expiresAt = this.records.get(row)?.expiresAt ?? null;
        return expiresAt === null || expiresAt > now;
      });
      if (living.length < 2) continue;
      throw new RegistryError('UNIQUE_VIOLATION', {
        message: `Index "${index.spec.name}" cannot have the unique key "${key.name}": "${living[0]}" and "${living[1]}" agree in it`,
      });
    }
  }
}

import { RegistryError } from '../../errors/registry-error.ts';
import type { IndexRows, IndexSpec, ProjectRecord } from '../../ports/record-store.ts';
import { BY_KEY, type MemoryRow, rowOf } from './memory-columns.ts';
import { MemoryIndex } from './memory-index.ts';
import { isAlive, type MemoryRecord } from './memory-record.ts';
import { SortedRecords } from './sorted-records.ts';

/** Rows of one record, with the index that each belongs to. */
export type EncodedRows = readonly { readonly index: MemoryIndex; readonly row: MemoryRow }[];

/** One collection of the memory store: records, by key and in the order of their keys, and the indexes. */
export class MemoryCollection {
  readonly name: string;
  readonly #records = new Map<string, MemoryRecord>();
  readonly #sorted = new SortedRecords(BY_KEY);
  readonly #bySlot: (MemoryRecord | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  /** Records that expire some time. */
  readonly #expiring = new Set<MemoryRecord>();
  #indexes = new Map<string, MemoryIndex>();
  /** Indexes that `migrate` fills: what is gone from the collection must be gone from them, too. */
  readonly #filling = new Set<MemoryIndex>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.#records.size;
  }

  /** In byte order of the keys. */
  get sorted(): SortedRecords {
    return this.#sorted;
  }

  get(key: string): MemoryRecord | undefined {
    return this.#records.get(key);
  }

  at(slot: number): MemoryRecord | undefined {
    return this.#bySlot[slot];
  }

  /** Those that expire some time. */
  get expiring(): ReadonlySet<MemoryRecord> {
    return this.#expiring;
  }

  index(name: string): MemoryIndex {
    const index = this.#indexes.get(name);
    if (index === undefined)
      throw new RegistryError('INTERNAL', { message: `There is no index "${name}" of "${this.name}"` });
    return index;
  }

  /** Fails with VALUE_INVALID on what cannot be indexed. */
  encode(rows: IndexRows): EncodedRows {
    const encoded: { index: MemoryIndex; row: MemoryRow }[] = [];
    for (const [name, index] of this.#indexes) {
      const row = rows[name];
      if (row !== undefined) encoded.push({ index, row: rowOf(index.spec, row) });
    }
    return encoded;
  }

  put({ key, value, version, expiresAt }: Omit<MemoryRecord, 'slot'>, rows: EncodedRows): void {
    this.delete(key);
    const record = { key, value, version, expiresAt, slot: this.#freeSlots.pop() ?? this.#bySlot.length };
    this.#records.set(key, record);
    this.#bySlot[record.slot] = record;
    this.#sorted.add(record);
    if (expiresAt !== null) this.#expiring.add(record);
    for (const { index, row } of rows) index.add(record, row);
  }

  delete(key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    for (const index of this.#indexes.values()) index.delete(record);
    for (const index of this.#filling) index.delete(record);
    this.#records.delete(key);
    this.#sorted.delete(record);
    this.#expiring.delete(record);
    this.#bySlot[record.slot] = undefined;
    this.#freeSlots.push(record.slot);
  }

  /**
   * The record that holds a unique key which one of the rows of `key` claims: a stored one that `counts`, or one whose claim was noted
   * in `claimed` before. Notes the claims of these rows.
   */
  conflict(
    key: string,
    rows: EncodedRows,
    claimed: Map<string, string>,
    counts: (record: MemoryRecord) => boolean,
  ): { readonly index: string; readonly keyName: string; readonly holder: string } | null {
    for (const { index, row } of rows) {
      for (const { keyName, tuple, holders } of index.claims(row)) {
        let holder: string | undefined;
        holders?.forEach((record) => {
          if (holder === undefined && record.key !== key && counts(record)) holder = record.key;
        });
        const claim = JSON.stringify([index.spec.name, keyName, tuple]);
        holder ??= claimed.get(claim);
        if (holder !== undefined) return { index: index.spec.name, keyName, holder };
        claimed.set(claim, key);
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
    try {
      for (const index of fresh) this.#filling.add(index);
      const activate = (): void => {
        for (const index of fresh) this.#refuseDuplicates(index, now());
        this.#indexes = next;
      };
      if (fresh.length > 0) await this.#fill(fresh, project, activate);
      else activate();
    } finally {
      for (const index of fresh) this.#filling.delete(index);
    }
  }

  /** `activate` is called in the turn in which no record is found missing: one that came in between would be in none of the indexes. */
  async #fill(fresh: readonly MemoryIndex[], project: ProjectRecord, activate: () => void): Promise<void> {
    const done = new Set<MemoryRecord>();
    for (;;) {
      const waiting = [...this.#records.values()].filter((record) => !done.has(record));
      if (waiting.length === 0) return activate();
      for (const record of waiting) {
        const answer = project(this.name, record.key, record.value);
        const rows = answer instanceof Promise ? await answer : answer;
        // It may have been replaced meanwhile; what took its place waits for the next round.
        if (this.#records.get(record.key) !== record) continue;
        const encoded = fresh.flatMap((index) => {
          const row = rows[index.spec.name];
          return row === undefined ? [] : [{ index, row: rowOf(index.spec, row) }];
        });
        for (const { index, row } of encoded) index.add(record, row);
        done.add(record);
      }
    }
  }

  #refuseDuplicates(index: MemoryIndex, now: number): void {
    for (const { key, bucket } of index.duplicates()) {
      const living: string[] = [];
      bucket.forEach((record) => {
        if (isAlive(record, now)) living.push(record.key);
      });
      if (living.length < 2) continue;
      throw new RegistryError('UNIQUE_VIOLATION', {
        message: `Index "${index.spec.name}" cannot have the unique key "${key.name}": "${living[0]}" and "${living[1]}" agree in it`,
      });
    }
  }
}

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Finding } from './definition/findings.ts';
import { RegistryError } from './errors/registry-error.ts';
import { type BlobsCopied, copyBlobs } from './moving/blob-transfer.ts';
import { type BlobsCompared, type Compared, compareBlobs, compareContents } from './moving/compare.ts';
import { contentOf } from './moving/content-digest.ts';
import { createFiller, type Filled } from './moving/fill-store.ts';
import type { OnProgress } from './moving/progress.ts';
import { openBlobStore } from './open-blob-store.ts';
import { beginLoad, loadKeeping, requireWhole, type StoreKeeping } from './open-stores.ts';
import type { RecordDump, RecordLoad } from './ports/record-dump.ts';
import type { RecordStore } from './ports/record-store.ts';
import { type Clock, systemClock } from './shared/clock.ts';
import { readSpelledStore } from './spelled-store.ts';

export type { Compared } from './moving/compare.ts';

export interface FromTo {
  readonly from: string;
  readonly to: string;
}

export interface MigrateOptions {
  /** A folder with `schema.json`, or one file: says what indexes there are, and how blobs are laid out. */
  readonly registry: string;
  readonly data: string;
  /** Where URLs of servers, with their passwords, may be. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Record stores as spelled on the command line; null: records stay where they are. */
  readonly records: FromTo | null;
  /** Folders of blobs; null: blobs stay where they are. */
  readonly blobs: FromTo | null;
  /** Which of the definition's stores is moved; null for the first. */
  readonly recordStore: string | null;
  readonly blobStore: string | null;
  /** Removes what the target holds before. */
  readonly force: boolean;
  readonly onProgress: OnProgress;
  readonly clock?: Clock;
}

export type MigrateResult =
  | {
      readonly ok: true;
      readonly records: RecordsMoved | null;
      readonly blobs: BlobsMoved | null;
      /** Everything is the same on both sides, and the target is ready. */
      readonly same: boolean;
    }
  | { readonly ok: false; readonly findings: readonly Finding[] };

export interface RecordsMoved {
  readonly filled: Filled;
  readonly compared: readonly Compared[];
  readonly same: boolean;
  /** The source was written to while it was copied: the copy is of a moment that is over. */
  readonly sourceChanged: boolean;
  /** Collections with records that the definition does not know, and has no indexes of. */
  readonly unknown: readonly string[];
}

export interface BlobsMoved extends BlobsCompared {
  readonly copied: BlobsCopied;
  readonly same: boolean;
}

/**
 * Moves stores to another place, of another kind or the same, and proves that nothing was lost: what both sides hold is read anew and compared. A move that
 * was interrupted, or whose source was written to meanwhile, is asked for again in the same way, and copies what is missing. Until the records are the same
 * on both sides, no server starts on the target. Fails with ALREADY_EXISTS where the target holds something else, and as the stores do.
 */
export async function migrateStores(options: MigrateOptions): Promise<MigrateResult> {
  const loaded = await loadKeeping({ registry: options.registry, store: null });
  if (!loaded.ok) return loaded;
  const { keeping } = loaded;
  const clock = options.clock ?? systemClock;
  const records = options.records === null ? null : await openRecords(options.records, options, keeping, clock);
  try {
    // A record never names a blob that came later than itself: those that the copied records name are there to be copied.
    const filled = records === null ? null : await fillTarget(records, options, clock);
    const blobs = options.blobs === null ? null : await moveBlobs(options.blobs, options, keeping, clock);
    const moved =
      records === null || filled === null
        ? null
        : await finishRecords(records, filled, blobs === null || blobs.same, keeping, options.onProgress, clock);
    return { ok: true, records: moved, blobs, same: (moved?.same ?? true) && (blobs?.same ?? true) };
  } finally {
    await records?.from.close();
    await records?.to.close();
  }
}

interface OpenRecords {
  /** In the definition. */
  readonly name: string;
  readonly label: string;
  readonly from: RecordStore;
  readonly to: RecordStore;
}

async function openRecords(
  { from, to }: FromTo,
  { recordStore, data, env }: MigrateOptions,
  { definition }: StoreKeeping,
  clock: Clock,
): Promise<OpenRecords> {
  const name = nameIn(definition.kvStores, recordStore, 'record store');
  const options = { definition, name, data: resolve(data), env };
  const source = readSpelledStore(from, options);
  const target = readSpelledStore(to, options);
  if (source.label === target.label) refuse(`Where records come from and go to are the same: ${source.label}`);
  requirePlace(source.path);
  const opened = source.open(clock);
  try {
    return { name, label: source.label, from: opened, to: target.open(clock) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface FilledTarget {
  readonly load: RecordLoad;
  readonly filled: Filled;
  readonly sequence: number;
}

/** Brings the target to one moment of the source. */
async function fillTarget(
  { from, to, label }: OpenRecords,
  { force, onProgress }: MigrateOptions,
  clock: Clock,
): Promise<FilledTarget> {
  await requireWhole(from);
  const dump = await from.dump();
  try {
    const total = totalIn(dump);
    if (total === 0) throw new RegistryError('STORE_FAILURE', { message: `There is nothing in ${label}` });
    const at = new Date(clock.now()).toISOString();
    const load = await beginLoad(to, { origin: `the move from ${label}`, at, replace: force });
    const filler = createFiller(load);
    let done = 0;
    for (const { name } of dump.collections) {
      for await (const batch of dump.records(name)) {
        await filler.records(name, batch);
        done += batch.length;
        onProgress(done, total, name);
      }
    }
    for await (const batch of dump.log()) {
      await filler.events(batch);
      done += batch.length;
      onProgress(done, total, 'events');
    }
    return { load, filled: await filler.end(), sequence: dump.sequence };
  } finally {
    await dump.close();
  }
}

/** Reads both sides anew; the target is let go for use when they are the same. */
async function finishRecords(
  records: OpenRecords,
  { load, filled, sequence: copied }: FilledTarget,
  blobsAreSame: boolean,
  keeping: StoreKeeping,
  onProgress: OnProgress,
  clock: Clock,
): Promise<RecordsMoved> {
  const { compared, sequence } = await compareSides(records, onProgress, clock);
  const same = compared.every((entry) => entry.same);
  const documents = new Set(Object.keys(keeping.definition.documents));
  const unknown = compared.flatMap(({ collection, from }) =>
    collection === null || from === null || collection.startsWith('$') || documents.has(collection) ? [] : [collection],
  );
  if (same && blobsAreSame) {
    await load.finish(sequence);
    await keeping.buildIndexes(records.name, records.to, onProgress);
  }
  return { filled, compared, same, sourceChanged: !same && sequence !== copied, unknown };
}

/** What both sides hold now, and the source's sequence. */
async function compareSides(
  { from, to }: OpenRecords,
  onProgress: OnProgress,
  clock: Clock,
): Promise<{ readonly compared: readonly Compared[]; readonly sequence: number }> {
  const [source, target] = [await from.dump(), await to.dump()];
  try {
    // What expires meanwhile counts on neither side: the source's server may have swept it.
    const now = clock.now();
    const total = totalIn(source) + totalIn(target);
    let read = 0;
    const onRead = (count: number) => {
      read += count;
      onProgress(read, total, 'compared');
    };
    const sides = [await contentOf(source, now, onRead), await contentOf(target, now, onRead)] as const;
    return { compared: compareContents(...sides), sequence: source.sequence };
  } finally {
    await source.close();
    await target.close();
  }
}

function totalIn({ collections, events }: RecordDump): number {
  return events + collections.reduce((sum, { records }) => sum + records, 0);
}

async function moveBlobs(
  folders: FromTo,
  { blobStore, data, onProgress }: MigrateOptions,
  { definition }: StoreKeeping,
  clock: Clock,
): Promise<BlobsMoved> {
  const declared = definition.blobStores[nameIn(definition.blobStores, blobStore, 'blob store')]!;
  const [source, target] = [resolve(folders.from), resolve(folders.to)];
  if (source === target) refuse(`Where blobs come from and go to are the same: ${source}`);
  requirePlace(source);
  const from = openBlobStore({ ...declared, root: source }, data, clock);
  const to = openBlobStore({ ...declared, root: target }, data, clock);
  try {
    const copied = await copyBlobs(from, to, ({ written, kept }) => onProgress(written + kept, 0, 'blobs'));
    const compared = await compareBlobs(from, to);
    const same = copied.damaged.length === 0 && compared.from.digest === compared.to.digest;
    return { copied, ...compared, same };
  } finally {
    await from.close();
    await to.close();
  }
}

/** The name, or the first one where it is null. Fails with VALUE_INVALID where there is none such. */
function nameIn(stores: Readonly<Record<string, unknown>>, name: string | null, what: string): string {
  const names = Object.keys(stores);
  const found = name ?? names[0];
  if (found === undefined || !names.includes(found)) {
    refuse(`The definition has no ${what} "${found ?? ''}": there are ${names.join(', ')}`);
  }
  return found;
}

/** Opening a place that is not there would make it. */
function requirePlace(path: string | null): void {
  if (path !== null && !existsSync(path)) refuse(`There is no ${path}`);
}

function refuse(message: string): never {
  throw new RegistryError('VALUE_INVALID', { message });
}

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Finding } from './definition/findings.ts';
import { RegistryError } from './errors/registry-error.ts';
import { toFileError } from './moving/backup-file.ts';
import type { BackupManifest } from './moving/backup-format.ts';
import { hasBlob, storeBlob } from './moving/blob-transfer.ts';
import { compareContents } from './moving/compare.ts';
import { contentOf } from './moving/content-digest.ts';
import { createFiller, type Filled, type StoreFiller } from './moving/fill-store.ts';
import type { OnProgress } from './moving/progress.ts';
import { type BackupRead, type BackupReceiver, readBackup } from './moving/read-backup.ts';
import {
  beginLoad,
  loadKeeping,
  type OpenStores,
  openStores,
  type StoreKeeping,
  type StoresOptions,
} from './open-stores.ts';
import type { RecordLoad } from './ports/record-dump.ts';
import type { RecordStore } from './ports/record-store.ts';
import { type Clock, systemClock } from './shared/clock.ts';

export type { BackupRead } from './moving/read-backup.ts';

export interface RestoreOptions extends StoresOptions {
  /** The backup: a file or a stream. */
  readonly from: string | Readable;
  /** Removes what the stores hold before. */
  readonly force: boolean;
  readonly onProgress: OnProgress;
  readonly clock?: Clock;
}

export type RestoreResult =
  | { readonly ok: true; readonly read: BackupRead; readonly filled: Filled }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Reads a backup to its end and touches no store. Fails with BACKUP_INVALID and a sentence where it is not whole. */
export async function verifyBackup(from: string | Readable, onProgress: OnProgress): Promise<BackupRead> {
  return read(from, NOBODY, onProgress);
}

const NOBODY: BackupReceiver = {
  begin: async () => undefined,
  records: async () => undefined,
  events: async () => undefined,
  blob: async () => undefined,
};

/**
 * Fills the stores of a registry from a backup, checks that they hold what it says, and builds the indexes. A restore that was interrupted goes on where
 * it stopped; until it is done, no server starts on the stores. Fails with BACKUP_INVALID where the file is not whole, ALREADY_EXISTS where the
 * stores hold something else, and as the stores do.
 */
export async function restoreRegistry(options: RestoreOptions): Promise<RestoreResult> {
  const { clock = systemClock, onProgress } = options;
  const loaded = await loadKeeping(options);
  if (!loaded.ok) return loaded;
  const restorer = createRestorer(loaded.keeping, options, clock);
  try {
    const whole = await read(options.from, restorer.receiver, onProgress);
    return { ok: true, read: whole, filled: await restorer.finish(whole) };
  } finally {
    await restorer.close();
  }
}

interface Restorer {
  readonly receiver: BackupReceiver;
  /** The file is known to be whole: sees that the stores hold what it says, and lets them be used. */
  finish(read: BackupRead): Promise<Filled>;
  close(): Promise<void>;
}

interface Filling {
  readonly stores: OpenStores;
  readonly loads: ReadonlyMap<string, LoadOf>;
}

interface LoadOf {
  readonly store: RecordStore;
  readonly load: RecordLoad;
  readonly filler: StoreFiller;
}

/** Nothing is opened before the manifest shows that the file is a backup, and of this registry. */
function createRestorer(keeping: StoreKeeping, options: RestoreOptions, clock: Clock): Restorer {
  let stores: OpenStores | null = null;
  let filling: Filling | null = null;
  const loadOf = (store: string) => need(need(filling).loads.get(store));
  return {
    receiver: {
      async begin(manifest) {
        requireFits(manifest, keeping);
        stores = await openStores(keeping, options, manifest.blob_stores.length > 0, clock);
        filling = { stores, loads: await beginLoads(manifest, stores, options.force, clock) };
      },
      records: (store, collection, batch) => loadOf(store).filler.records(collection, batch),
      events: (store, batch) => loadOf(store).filler.events(batch),
      async blob(name, stat, content) {
        const store = need(need(filling).stores.blobs.get(name));
        if (!(await hasBlob(store, stat))) await storeBlob(store, stat, content);
      },
    },
    finish: (read) => finishFilling(need(filling), read, keeping, options.onProgress),
    close: async () => stores?.close(),
  };
}

function requireFits({ type_id, record_stores, blob_stores }: BackupManifest, { definition }: StoreKeeping): void {
  const refuse = (message: string): never => {
    throw new RegistryError('BACKUP_INVALID', { message });
  };
  if (type_id !== definition.typeId) {
    refuse(
      `The backup is of "${type_id}", and this definition is "${definition.typeId}": name the right one with --registry`,
    );
  }
  for (const { name } of record_stores) {
    if (!Object.hasOwn(definition.kvStores, name))
      refuse(`The definition has no record store "${name}", which the backup has`);
  }
  for (const name of blob_stores) {
    if (!Object.hasOwn(definition.blobStores, name))
      refuse(`The definition has no blob store "${name}", which the backup has`);
  }
}

async function beginLoads(
  { id, created_at, record_stores }: BackupManifest,
  stores: OpenStores,
  replace: boolean,
  clock: Clock,
): Promise<ReadonlyMap<string, LoadOf>> {
  const origin = `the restore of the backup ${id} of ${created_at}`;
  const at = new Date(clock.now()).toISOString();
  const loads = new Map<string, LoadOf>();
  for (const { name } of record_stores) {
    const store = need(stores.records.get(name));
    const load = await beginLoad(store, { origin, at, replace });
    loads.set(name, { store, load, filler: createFiller(load) });
  }
  return loads;
}

async function finishFilling(
  { loads }: Filling,
  { manifest, trailer }: BackupRead,
  keeping: StoreKeeping,
  onProgress: OnProgress,
): Promise<Filled> {
  const sum = { written: 0, kept: 0, removed: 0 };
  for (const [name, { store, filler }] of loads) {
    const { written, kept, removed } = await filler.end();
    sum.written += written;
    sum.kept += kept;
    sum.removed += removed;
    await requireSame(name, store, trailer, onProgress);
  }
  for (const [name, { load }] of loads) {
    await load.finish(manifest.record_stores.find((store) => store.name === name)?.sequence ?? 0);
  }
  for (const [name, { store }] of loads) await keeping.buildIndexes(name, store, onProgress);
  return sum;
}

async function requireSame(
  name: string,
  store: RecordStore,
  trailer: BackupRead['trailer'],
  onProgress: OnProgress,
): Promise<void> {
  const dump = await store.dump();
  let checked = 0;
  const content = await contentOf(dump, null, (count) => {
    checked += count;
    onProgress(checked, 0, 'compared');
  }).finally(() => dump.close());
  const expected = need(trailer.record_stores.find((entry) => entry.name === name));
  if (compareContents(expected, content).every(({ same }) => same)) return;
  throw new RegistryError('STORE_FAILURE', {
    message: `The store "${name}" does not hold what was written to it: it is not used. Begin anew with --force`,
  });
}

async function read(from: string | Readable, receiver: BackupReceiver, onProgress: OnProgress): Promise<BackupRead> {
  if (typeof from !== 'string') return readBackup(from, receiver, onProgress);
  const input = createReadStream(from, { highWaterMark: 262_144 });
  return readBackup(input, receiver, onProgress).catch((thrown: unknown) => {
    throw toFileError(thrown, from);
  });
}

function need<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('The backup has a store that its manifest does not name');
  return value;
}

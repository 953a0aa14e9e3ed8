import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { Finding } from './definition/findings.ts';
import { RegistryError } from './errors/registry-error.ts';
import { createArchiveWriter } from './moving/archive-writer.ts';
import { backupFileAt, toFileError } from './moving/backup-file.ts';
import type { BackupTrailer } from './moving/backup-format.ts';
import type { OnProgress } from './moving/progress.ts';
import { writeBackup } from './moving/write-backup.ts';
import { loadKeeping, openStores, requireWhole, type StoreKeeping, type StoresOptions } from './open-stores.ts';
import type { RecordDump } from './ports/record-dump.ts';
import { type Clock, systemClock } from './shared/clock.ts';

export type { BackupTrailer } from './moving/backup-format.ts';
export type { OnProgress } from './moving/progress.ts';

export interface BackupOptions extends StoresOptions {
  /** Where the backup goes: a file, compressed where its name ends in `.gz`, or a stream that is left open. */
  readonly to: string | Writable;
  readonly withBlobs: boolean;
  readonly engineVersion: string;
  readonly onProgress: OnProgress;
  readonly clock?: Clock;
  /** Told how to remove a file that is not whole yet, for a process that is told to end. */
  readonly onBegin?: (discard: () => void) => void;
}

export type BackupResult =
  | {
      readonly ok: true;
      readonly typeId: string;
      readonly createdAt: string;
      readonly trailer: BackupTrailer;
    }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Writes all of a registry to one file, of one moment, while a server may be running on it. Fails with STORE_FAILURE where there is nothing to back up, and
 * as the stores and the file system do; no file is left then.
 */
export async function backupRegistry(options: BackupOptions): Promise<BackupResult> {
  const loaded = await loadKeeping(options);
  if (!loaded.ok) return loaded;
  const data = resolve(options.data);
  const { kvStores } = loaded.keeping.definition;
  const needsFolder = options.withBlobs || Object.values(kvStores).some(({ server }) => server === null);
  // Opening would make it.
  if (needsFolder && !existsSync(data))
    throw new RegistryError('STORE_FAILURE', { message: `There is no data folder ${data}` });
  const { to, onBegin } = options;
  if (typeof to !== 'string') return writeTo(to, loaded.keeping, options);
  const file = backupFileAt(resolve(to));
  onBegin?.(file.discard);
  try {
    const written = await writeTo(await file.open(), loaded.keeping, options);
    await file.keep();
    return written;
  } catch (error) {
    file.discard();
    throw toFileError(error, to);
  }
}

async function writeTo(out: Writable, keeping: StoreKeeping, options: BackupOptions): Promise<BackupResult> {
  const { to, withBlobs, engineVersion, onProgress, clock = systemClock } = options;
  const { definition, digestsOf } = keeping;
  const stores = await openStores(keeping, options, withBlobs, clock);
  const dumps = new Map<string, RecordDump>();
  const at = new Date(clock.now());
  const isFile = typeof to === 'string';
  const archive = createArchiveWriter(out, { gzip: isFile && to.endsWith('.gz'), keepsOpen: !isFile, at });
  try {
    for (const [name, store] of stores.records) {
      await requireWhole(store);
      dumps.set(name, await store.dump());
    }
    if ([...dumps.values()].every(({ collections, events }) => collections.length + events === 0)) {
      throw new RegistryError('STORE_FAILURE', {
        message: 'The stores are empty: no registry was ever served from them',
      });
    }
    const source = {
      id: randomUUID(),
      engineVersion,
      typeId: definition.typeId,
      createdAt: at.toISOString(),
      dumps,
      blobStores: stores.blobs,
      digestsOf,
    };
    const trailer = await writeBackup(archive, source, onProgress);
    await archive.finish();
    return { ok: true, typeId: source.typeId, createdAt: source.createdAt, trailer };
  } catch (error) {
    archive.abort();
    throw error;
  } finally {
    for (const dump of dumps.values()) await dump.close();
    await stores.close();
  }
}

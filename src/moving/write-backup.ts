import { createHash } from 'node:crypto';
import type { BlobStore } from '../ports/blob-store.ts';
import type { RecordDump } from '../ports/record-dump.ts';
import type { ArchiveWriter } from './archive-writer.ts';
import {
  type BackupManifest,
  type BackupTrailer,
  CHECKSUM,
  checksumOf,
  encodeChunk,
  eventLine,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  recordLine,
  sha256,
  TRAILER,
  type TrailerStore,
  totalOf,
} from './backup-format.ts';
import { one, saysDamaged } from './blob-transfer.ts';
import { blobDigest, eventDigest, recordDigest } from './content-digest.ts';
import { DigestSet } from './digest-set.ts';
import type { OnProgress } from './progress.ts';

export interface BackupSource {
  readonly id: string;
  readonly engineVersion: string;
  readonly typeId: string;
  readonly createdAt: string;
  /** One moment of each record store, by name; closed as soon as it has been read. */
  readonly dumps: ReadonlyMap<string, RecordDump>;
  /** By name; none where blobs are left out. */
  readonly blobStores: ReadonlyMap<string, BlobStore>;
  /** The blobs that a record names. */
  digestsOf(collection: string, value: string): readonly string[];
}

/**
 * Writes a backup: the records of each store, then the log, then the blobs that the records name. Bounded memory: a batch of records, a piece of a blob,
 * and 64 bytes or so for each blob. A blob that no store has, or whose content is damaged, stands in the trailer.
 */
export async function writeBackup(
  archive: ArchiveWriter,
  source: BackupSource,
  onProgress: OnProgress,
): Promise<BackupTrailer> {
  const { dumps, blobStores } = source;
  const manifest = manifestOf(source);
  const manifestBytes = encodeJson(manifest);
  await archive.add(MANIFEST, manifestBytes);
  const total = totalOf(manifest);
  let done = 0;
  const named = new DigestSet();
  const record_stores: TrailerStore[] = [];
  for (const [name, dump] of dumps) {
    const onRead = (count: number) => {
      done += count;
      onProgress(done, total, 'records and events');
    };
    record_stores.push(await writeStore(archive, name, dump, source, named, onRead));
    // A moment that is held costs the store: its log grows.
    await dump.close();
  }
  const blobs = await writeBlobs(archive, blobStores, named, onProgress);
  const trailer = { manifest: sha256(manifestBytes), record_stores, ...blobs };
  const trailerBytes = encodeJson(trailer);
  await archive.add(TRAILER, trailerBytes);
  await archive.add(CHECKSUM, Buffer.from(checksumOf(trailerBytes)));
  return trailer;
}

function manifestOf({ id, engineVersion, typeId, createdAt, dumps, blobStores }: BackupSource): BackupManifest {
  return {
    format: FORMAT,
    format_version: FORMAT_VERSION,
    id,
    engine_version: engineVersion,
    type_id: typeId,
    created_at: createdAt,
    record_stores: [...dumps].map(([name, { sequence, collections, events }]) => ({
      name,
      sequence,
      collections,
      events,
    })),
    blob_stores: [...blobStores.keys()],
  };
}

async function writeStore(
  archive: ArchiveWriter,
  store: string,
  dump: RecordDump,
  { digestsOf }: BackupSource,
  named: DigestSet,
  onRead: (count: number) => void,
): Promise<TrailerStore> {
  let chunks = 0;
  const add = (kind: string, head: object, lines: readonly unknown[]) =>
    archive.add(
      `${kind}/${encodeURIComponent(store)}/${String(++chunks).padStart(8, '0')}.ndjson`,
      encodeChunk(head, lines),
    );

  const collections: TrailerStore['collections'][number][] = [];
  for (const { name: collection } of dump.collections) {
    const digest = recordDigest();
    for await (const batch of dump.records(collection)) {
      digest.add(batch);
      for (const { value } of batch) for (const blob of digestsOf(collection, value)) named.add(blob);
      await add('records', { store, collection }, batch.map(recordLine));
      onRead(batch.length);
    }
    collections.push({ name: collection, ...digest.result() });
  }
  const events = eventDigest();
  for await (const batch of dump.log()) {
    events.add(batch);
    await add('events', { store }, batch.map(eventLine));
    onRead(batch.length);
  }
  return { name: store, collections, events: events.result() };
}

async function writeBlobs(
  archive: ArchiveWriter,
  stores: ReadonlyMap<string, BlobStore>,
  named: DigestSet,
  onProgress: OnProgress,
): Promise<Pick<BackupTrailer, 'blob_stores' | 'missing' | 'damaged'>> {
  if (stores.size === 0) return { blob_stores: [], missing: [], damaged: [] };
  const written = [...stores].map(([name, store]) => ({ name, store, digest: blobDigest(), bytes: 0 }));
  const missing: string[] = [];
  const damaged = new Set<string>();
  let done = 0;
  for (const digest of named) {
    onProgress(done++, named.size, 'blobs');
    let found = false;
    for (const part of written) {
      const outcome = await writeBlob(archive, part.name, part.store, digest);
      if (outcome === null) continue;
      found = true;
      if (!outcome.whole) damaged.add(digest);
      else {
        part.digest.add([{ digest, size: outcome.size }]);
        part.bytes += outcome.size;
      }
    }
    if (!found) missing.push(digest);
  }
  onProgress(done, named.size, 'blobs');
  return {
    blob_stores: written.map(({ name, digest, bytes }) => ({ name, ...digest.result(), bytes })),
    missing,
    damaged: [...damaged],
  };
}

/** Null: the store does not have it. */
async function writeBlob(
  archive: ArchiveWriter,
  name: string,
  store: BlobStore,
  digest: string,
): Promise<{ readonly size: number; readonly whole: boolean } | null> {
  const content = await contentOrNull(store, digest);
  if (content === null || content === 'damaged') return content === null ? null : { size: 0, whole: false };
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const chunk of content.stream ?? one(content.bytes ?? new Uint8Array())) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const [, hex = ''] = digest.split(':');
  const complete = await archive.addStream(`blobs/${encodeURIComponent(name)}/${hex}`, content.size, hashed());
  return { size: content.size, whole: complete && hash.digest('hex') === hex };
}

async function contentOrNull(store: BlobStore, digest: string) {
  try {
    return await store.get(digest);
  } catch (thrown) {
    if (saysDamaged(thrown)) return 'damaged';
    throw thrown;
  }
}

function encodeJson(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlobStat } from '../ports/blob-store.ts';
import type { DumpedRecord } from '../ports/record-dump.ts';
import type { StoredEvent } from '../ports/record-store.ts';
import { compareBytes } from '../shared/compare.ts';
import { type ArchiveEntry, readArchive } from './archive-reader.ts';
import {
  type BackupManifest,
  type BackupTrailer,
  CHECKSUM,
  checksumOf,
  MANIFEST,
  readEventLine,
  readHead,
  readLines,
  readManifest,
  readRecordLine,
  readTrailer,
  refuse,
  sha256,
  TRAILER,
  totalOf,
} from './backup-format.ts';
import { createPool, one, saysDamaged } from './blob-transfer.ts';
import { blobDigest, type Content, type ContentDigest, eventDigest, recordDigest } from './content-digest.ts';
import type { OnProgress } from './progress.ts';

/** Of a manifest, a trailer or a chunk: what is larger was not written by us, and would not fit in a text. */
const MOST_PART_BYTES = 512 * 1024 * 1024;
/** Blobs up to this size are read whole, and several stored beside each other. */
const SMALL_BLOB_BYTES = 1024 * 1024;

/** Takes what a backup holds, in its order. What it throws ends the reading. */
export interface BackupReceiver {
  begin(manifest: BackupManifest): Promise<void>;
  records(store: string, collection: string, batch: readonly DumpedRecord[]): Promise<void>;
  events(store: string, batch: readonly StoredEvent[]): Promise<void>;
  /** May fail as a blob store does when the content turns out not to have its digest. */
  blob(store: string, stat: BlobStat, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/** A backup that was read to its end and is whole. */
export interface BackupRead {
  readonly manifest: BackupManifest;
  readonly trailer: BackupTrailer;
}

/**
 * Reads a backup once, from its beginning to its end, and hands on what it holds. Only when this resolves is the file known to be whole: the trailer
 * is there, and counts and digests of all that came are those it says. Fails with BACKUP_INVALID and a sentence.
 */
export async function readBackup(
  input: Readable,
  receiver: BackupReceiver,
  onProgress: OnProgress,
): Promise<BackupRead> {
  let reading: Reading | null = null;
  let trailer: BackupTrailer | null = null;
  let checksum: string | null = null;
  let isWhole = false;
  for await (const entry of readArchive(input)) {
    if (isWhole) refuse(`"${entry.name}" comes after its end`);
    else if (reading === null) {
      if (entry.name !== MANIFEST) refuse('it is something else');
      const bytes = await entry.bytes(MOST_PART_BYTES);
      const manifest = readManifest(bytes);
      await receiver.begin(manifest);
      reading = createReading(manifest, sha256(bytes), receiver, onProgress);
    } else if (checksum !== null) {
      if (entry.name !== CHECKSUM) refuse(`"${entry.name}" comes after its end`);
      if (Buffer.from(await entry.bytes(MOST_PART_BYTES)).toString() !== checksum) refuse('its end was altered');
      isWhole = true;
    } else if (entry.name === TRAILER) {
      const bytes = await entry.bytes(MOST_PART_BYTES);
      trailer = readTrailer(bytes);
      checksum = checksumOf(bytes);
      await reading.compare(trailer);
    } else await reading.take(entry);
  }
  if (reading === null) return refuse('it is empty');
  if (trailer === null || !isWhole) return refuse('it ends early');
  return { manifest: reading.manifest, trailer };
}

interface Reading {
  readonly manifest: BackupManifest;
  take(entry: ArchiveEntry): Promise<void>;
  compare(trailer: BackupTrailer): Promise<void>;
}

function createReading(
  manifest: BackupManifest,
  manifestDigest: string,
  receiver: BackupReceiver,
  onProgress: OnProgress,
): Reading {
  const records = new Map<string, ContentDigest<DumpedRecord>>();
  const events = new Map(manifest.record_stores.map(({ name }) => [name, eventDigest()]));
  const blobs = new Map(manifest.blob_stores.map((name) => [name, { digest: blobDigest(), bytes: 0 }]));
  /** Blobs whose content is not theirs; the trailer says whether that was known. */
  const wrong = new Set<string>();
  const pool = createPool();
  const total = totalOf(manifest);
  let done = 0;
  let blobCount = 0;

  async function takeChunk(entry: ArchiveEntry, kind: string | undefined): Promise<void> {
    const [first, ...lines] = readLines(await entry.bytes(MOST_PART_BYTES));
    const { store, collection } = readHead(first);
    const log =
      events.get(store) ?? refuse(`it has parts of a record store "${store}" that its manifest does not name`);
    if (kind === 'events') {
      const batch = lines.map(readEventLine);
      log.add(batch);
      await receiver.events(store, batch);
    } else {
      const batch = lines.map(readRecordLine);
      const key = keyOf(store, collection ?? '');
      const digest = records.get(key) ?? recordDigest();
      records.set(key, digest);
      digest.add(batch);
      await receiver.records(store, collection ?? '', batch);
    }
    done += lines.length;
    onProgress(done, total, 'records and events');
  }

  async function takeBlob(entry: ArchiveEntry, store: string, hex: string): Promise<void> {
    const part = blobs.get(store) ?? refuse(`it has blobs of a store "${store}" that its manifest does not name`);
    const stat = { digest: `sha256:${hex}`, size: entry.size };
    onProgress(done, total, `blob ${++blobCount}`);
    const isWhole = await passOn(entry, store, stat);
    if (!isWhole) wrong.add(stat.digest);
    else {
      part.digest.add([stat]);
      part.bytes += stat.size;
    }
  }

  /** Whether the content has its digest. */
  async function passOn(entry: ArchiveEntry, store: string, stat: BlobStat): Promise<boolean> {
    const hash = createHash('sha256');
    const has = () => `sha256:${hash.digest('hex')}` === stat.digest;
    if (entry.size <= SMALL_BLOB_BYTES) {
      const bytes = await entry.bytes(SMALL_BLOB_BYTES);
      hash.update(bytes);
      if (!has()) return false;
      await pool.start(() => receiver.blob(store, stat, one(bytes)));
      return true;
    }
    const hashed = async function* () {
      for await (const chunk of entry.content) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const content = hashed();
    try {
      await receiver.blob(store, stat, content);
      for await (const _ of content);
      return has();
    } catch (thrown) {
      if (saysDamaged(thrown)) return false;
      throw thrown;
    }
  }

  async function compare(trailer: BackupTrailer): Promise<void> {
    await pool.end();
    if (trailer.manifest !== manifestDigest) refuse('its beginning and its end do not belong together');
    const expected = new Map(
      trailer.record_stores.flatMap(({ name, collections }) =>
        collections.map((content) => [keyOf(name, content.name), content] as const),
      ),
    );
    for (const key of new Set([...expected.keys(), ...records.keys()].sort(compareBytes))) {
      requireSame(records.get(key)?.result(), expected.get(key), `the records of ${JSON.parse(key).join(' ')}`);
    }
    for (const [name, digest] of events) {
      requireSame(
        digest.result(),
        trailer.record_stores.find((store) => store.name === name)?.events,
        `the log of ${name}`,
      );
    }
    for (const digest of wrong) if (!trailer.damaged.includes(digest)) refuse(`the content of ${digest} was altered`);
    for (const [name, { digest }] of blobs) {
      requireSame(
        digest.result(),
        trailer.blob_stores.find((store) => store.name === name),
        `the blobs of ${name}`,
      );
    }
  }

  return {
    manifest,
    compare,
    async take(entry) {
      const [kind, store = '', rest = '', more] = entry.name.split('/');
      if (kind === 'records' || kind === 'events') await takeChunk(entry, kind);
      else if (kind === 'blobs' && more === undefined) await takeBlob(entry, decodeName(store), rest);
      else refuse(`it has an unknown part "${entry.name}"`);
    },
  };
}

function keyOf(store: string, collection: string): string {
  return JSON.stringify([store, collection]);
}

function requireSame(found: Content | undefined, expected: Content | undefined, what: string): void {
  if (found === undefined || expected === undefined || found.count !== expected.count) {
    refuse(`${what} are not all there (${found?.count ?? 0} of ${expected?.count ?? 0})`);
  }
  if (found.digest !== expected.digest) refuse(`${what} were altered`);
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(`it has an unknown part "${text}"`);
  }
}

import { createHash } from 'node:crypto';
import { RegistryError } from '../errors/registry-error.ts';
import type { DumpedRecord } from '../ports/record-dump.ts';
import type { StoredEvent } from '../ports/record-store.ts';
import type { Content } from './content-digest.ts';

/**
 * The form of a backup: a tar archive whose entries come in this order.
 *
 * - `manifest.json`: what the backup is and what is to come.
 * - `records/<store>/<number>.ndjson`: the first line is `{"store", "collection"}`; each further one a record,
 *   `[key, version, expiresAt, value]`, the value as a text: as stored, to the byte. Collections and keys come in byte order.
 * - `events/<store>/<number>.ndjson`: first `{"store"}`, then events, `[position, version, id, type, at, payload]`, in their order.
 * - `blobs/<store>/<hex>`: the content of a blob.
 * - `trailer.json`: counts and digests of all that came before.
 * - `trailer.sha256`: the digest of the trailer, as `sha256sum` writes it. A file without it ended early.
 */
export const FORMAT = 'entrepot.backup';
/** Grows when an older engine would read a newer file wrongly. */
export const FORMAT_VERSION = 1;

export const MANIFEST = 'manifest.json';
export const TRAILER = 'trailer.json';
export const CHECKSUM = 'trailer.sha256';

export interface BackupManifest {
  readonly format: string;
  readonly format_version: number;
  /** Random; tells backups apart. */
  readonly id: string;
  readonly engine_version: string;
  readonly type_id: string;
  /** ISO 8601: the moment that the records are of. */
  readonly created_at: string;
  readonly record_stores: readonly ManifestStore[];
  /** Empty where blobs were left out. */
  readonly blob_stores: readonly string[];
}

export interface ManifestStore {
  readonly name: string;
  readonly sequence: number;
  readonly collections: readonly { readonly name: string; readonly records: number }[];
  readonly events: number;
}

export interface BackupTrailer {
  /** Digest of the manifest, to the byte. */
  readonly manifest: string;
  readonly record_stores: readonly TrailerStore[];
  readonly blob_stores: readonly (Content & { readonly name: string; readonly bytes: number })[];
  /** Digests that records name and no blob store has. */
  readonly missing: readonly string[];
  /** Digests of blobs whose content was damaged where it came from; what stands for it here is not to be used. */
  readonly damaged: readonly string[];
}

export interface TrailerStore {
  readonly name: string;
  readonly collections: readonly (Content & { readonly name: string })[];
  readonly events: Content;
}

/** How many records and events a manifest announces. */
export function totalOf({ record_stores }: BackupManifest): number {
  return record_stores.reduce(
    (sum, { collections, events }) => sum + events + collections.reduce((all, { records }) => all + records, 0),
    0,
  );
}

/** The bytes of a chunk, whose head says what its lines are. */
export function encodeChunk(head: object, lines: readonly unknown[]): Buffer {
  return Buffer.from(`${[head, ...lines].map((line) => JSON.stringify(line)).join('\n')}\n`);
}

export function recordLine({ key, version, expiresAt, value }: DumpedRecord): unknown {
  return [key, version, expiresAt, value];
}

export function eventLine({ position, version, id, type, at, payload }: StoredEvent): unknown {
  return [position, version, id, type, at, payload];
}

export function readRecordLine(line: unknown): DumpedRecord {
  const [key, version, expiresAt, value] = listOf(line);
  return {
    key: textOf(key),
    version: wholeOf(version),
    expiresAt: expiresAt === null ? null : wholeOf(expiresAt),
    value: textOf(value),
  };
}

export function readEventLine(line: unknown): StoredEvent {
  const [position, version, id, type, at, payload] = listOf(line);
  return {
    position: wholeOf(position),
    version: wholeOf(version),
    id: textOf(id),
    type: textOf(type),
    at: textOf(at),
    payload: textOf(payload),
  };
}

/** The lines of a chunk, its head first. */
export function readLines(bytes: Uint8Array): readonly unknown[] {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString().split('\n');
  if (lines.pop() !== '') refuse('a part does not end where it should');
  return lines.map(parse);
}

/** Refuses what is no backup, and one that a newer engine made. */
export function readManifest(bytes: Uint8Array): BackupManifest {
  const json = parse(Buffer.from(bytes).toString());
  const { format, format_version, id, engine_version, type_id, created_at, record_stores, blob_stores } =
    objectOf(json);
  if (format !== FORMAT) refuse('it is something else');
  const version = wholeOf(format_version);
  if (version > FORMAT_VERSION) {
    throw new RegistryError('BACKUP_INVALID', {
      message: `The backup was made by a newer release (${textOf(engine_version)}, format ${version}; this one knows ${FORMAT_VERSION}): restore it with that release`,
    });
  }
  return {
    format,
    format_version: version,
    id: textOf(id),
    engine_version: textOf(engine_version),
    type_id: textOf(type_id),
    created_at: textOf(created_at),
    record_stores: listOf(record_stores).map((store) => {
      const { name, sequence, collections, events } = objectOf(store);
      return {
        name: textOf(name),
        sequence: wholeOf(sequence),
        collections: listOf(collections).map((collection) => {
          const { name, records } = objectOf(collection);
          return { name: textOf(name), records: wholeOf(records) };
        }),
        events: wholeOf(events),
      };
    }),
    blob_stores: listOf(blob_stores).map(textOf),
  };
}

export function readTrailer(bytes: Uint8Array): BackupTrailer {
  const { manifest, record_stores, blob_stores, missing, damaged } = objectOf(parse(Buffer.from(bytes).toString()));
  return {
    manifest: textOf(manifest),
    record_stores: listOf(record_stores).map((store) => {
      const { name, collections, events } = objectOf(store);
      return { name: textOf(name), collections: listOf(collections).map(namedContentOf), events: contentOf(events) };
    }),
    blob_stores: listOf(blob_stores).map((store) => ({
      ...namedContentOf(store),
      bytes: wholeOf(objectOf(store).bytes),
    })),
    missing: listOf(missing).map(textOf),
    damaged: listOf(damaged).map(textOf),
  };
}

/** The line that stands for the trailer in `trailer.sha256`. */
export function checksumOf(trailer: Uint8Array): string {
  return `${createHash('sha256').update(trailer).digest('hex')}  ${TRAILER}\n`;
}

/** `sha256:<hex>` of some bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Which store, and of records which collection, a chunk is of. */
export function readHead(line: unknown): { readonly store: string; readonly collection: string | null } {
  const { store, collection } = objectOf(line);
  return { store: textOf(store), collection: collection === undefined ? null : textOf(collection) };
}

/** Fails with BACKUP_INVALID; `why` goes on from "The file is not a whole backup: ". */
export function refuse(why: string): never {
  throw new RegistryError('BACKUP_INVALID', { message: `The file is not a whole backup: ${why}` });
}

function namedContentOf(value: unknown): Content & { readonly name: string } {
  return { name: textOf(objectOf(value).name), ...contentOf(value) };
}

function contentOf(value: unknown): Content {
  const { count, digest } = objectOf(value);
  return { count: wholeOf(count), digest: textOf(digest) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('a part of it is not JSON');
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : strange();
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : strange();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : strange();
}

function wholeOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : strange();
}

function strange(): never {
  return refuse('a part of it has another form');
}

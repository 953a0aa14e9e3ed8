import type { BackupTrailer } from '../backup-registry.ts';
import { table } from './table.ts';

/** What a backup holds, by store and collection, with digests. */
export function printBackup(trailer: BackupTrailer, print: (line: string) => void): void {
  const rows = [
    ...trailer.record_stores.flatMap(({ name, collections, events }) => [
      ...collections.map((content) => [name, content.name, String(content.count), shortDigest(content.digest)]),
      [name, '(events)', String(events.count), shortDigest(events.digest)],
    ]),
    ...trailer.blob_stores.map(({ name, count, bytes, digest }) => [
      name,
      `(blobs, ${sizeText(bytes)})`,
      String(count),
      shortDigest(digest),
    ]),
  ];
  for (const line of table(['STORE', 'WHAT', 'COUNT', 'SHA-256'], rows)) print(line);
}

/** Says which blobs are not in a backup as they should be; whether there are any. */
export function complainOfBlobs({ missing, damaged }: BackupTrailer, complain: (line: string) => void): boolean {
  for (const digest of missing) complain(`Missing: ${digest} is named by a record and is in no blob store`);
  for (const digest of damaged) complain(`Damaged: the content of ${digest} does not have this digest`);
  return missing.length + damaged.length > 0;
}

/** How many records and events a backup holds, and blobs. */
export function countsOf({ record_stores, blob_stores }: BackupTrailer): string {
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
  const records = sum(record_stores.flatMap(({ collections }) => collections.map(({ count }) => count)));
  const events = sum(record_stores.map(({ events }) => events.count));
  const blobs = sum(blob_stores.map(({ count }) => count));
  const bytes = sum(blob_stores.map((store) => store.bytes));
  return `${records} records, ${events} events, ${blobs} blobs (${sizeText(bytes)})`;
}

/** The first digits of a digest: enough for a person to compare. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 16);
}

/** Bytes in a unit that a person reads. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

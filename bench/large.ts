import { isConstant, type Subject } from './subjects.ts';
import { publishedBytes, publishOne, type Transfer } from './transfers.ts';

/*
 * The rows of large bodies: their figure is MiB per second.
 */

const MIB = 1_048_576;
const FETCHED_BYTES = 50 * MIB;
const FETCHED = '/v1/bench/large-blob/1.0.0/any/blob';

/** A row and the kinds of servers that it is measured on, in the order of the report. */
export interface LargeCase {
  readonly transfer: Transfer;
  /** The constant by node:http, which stores nothing, is in all of them; nginx only where there is something to fetch. */
  readonly hasFiles: boolean;
}

/** What is measured, in order. */
export function largeCases(): readonly LargeCase[] {
  return [
    {
      hasFiles: true,
      transfer: {
        name: 'blob-50m',
        title: 'GET a blob of 50 MiB',
        method: 'GET',
        bytes: FETCHED_BYTES,
        connections: 1,
        path: (subject) => (isConstant(subject) ? `/bytes/${FETCHED_BYTES}` : FETCHED),
      },
    },
    publishing('publish-100k', 'publish 100 KiB', 100 * 1024, 8),
    publishing('publish-100m', 'publish 100 MiB', 100 * MIB, 1),
  ];
}

function publishing(name: string, title: string, bytes: number, connections: number): LargeCase {
  const path = (_: Subject, count: number) => `/v1/bench/${name}/0.${count}.0/any/blob`;
  return { hasFiles: false, transfer: { name, title, method: 'PUT', bytes, connections, path } };
}

/** Publishes what is fetched later. */
export function publishFetched(subject: Subject): Promise<void> {
  return publishOne(subject, FETCHED, FETCHED_BYTES);
}

/** The same as a file. */
export function fetchedFile(): { readonly path: string; readonly bytes: Uint8Array } {
  return { path: FETCHED, bytes: publishedBytes(FETCHED, FETCHED_BYTES) };
}

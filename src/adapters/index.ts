import { resolve } from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import type { BlobStore, BlobStoreCapabilities } from '../ports/blob-store.ts';
import type { Cache, CacheCapabilities } from '../ports/cache.ts';
import type { RecordStore, RecordStoreCapabilities } from '../ports/record-store.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { Clock } from '../shared/clock.ts';
import { openFilesystemBlobStore } from './blob-store/filesystem.ts';
import { openMemoryBlobStore } from './blob-store/memory.ts';
import { openMemoryCache } from './cache/memory.ts';
import { guardBlobStore } from './guards/blob-store.ts';
import { guardCache } from './guards/cache.ts';
import { guardRecordStore } from './guards/record-store.ts';
import { guardUpstream } from './guards/upstream.ts';
import { openMemoryRecordStore } from './record-store/memory.ts';
import { openPgliteRecordStore } from './record-store/pglite.ts';
import { openPostgresRecordStore } from './record-store/postgres.ts';
import type { PostgresTls } from './record-store/postgres-pool.ts';
import { openSqliteRecordStore } from './record-store/sqlite.ts';
import { type HttpUpstreamOptions, openHttpUpstream } from './upstream/http.ts';

/**
 * The adapters there are, by port and name. `capabilities` are known before opening, so that the loader can compare them with what a
 * definition asks for. `open` gives the adapter behind its guard.
 */
export interface Adapter<Capabilities, Options, Port> {
  readonly capabilities: Capabilities;
  readonly open: (options: Options) => Port;
}

export interface RecordStoreOptions {
  /** The store's name in the definition. */
  readonly name: string;
  /** The data folder; null: nothing is to be kept, and no server to be asked. */
  readonly data: string | null;
  /** A file or folder in the data folder, or an absolute one; null: named after the store. */
  readonly path: string | null;
  /** Of stores on a server. */
  readonly server: RecordServerOptions | null;
  /** No threads of the store's own: for short work that nobody waits beside. */
  readonly inline?: boolean;
  readonly clock?: Clock;
}

export interface RecordServerOptions {
  /** With the password, where there is one; null where nobody said where the server is. */
  readonly url: string | null;
  /** Null: named after the store. */
  readonly schema: string | null;
  readonly poolSize: number | null;
  readonly tls: PostgresTls | null;
}

export const recordStores = Object.freeze({
  memory: {
    capabilities: { durable: false, shared: false, fullText: true, maxValueBytes: null },
    open: (options) => guardRecordStore(openMemoryRecordStore(options)),
  },
  sqlite: {
    capabilities: { durable: true, shared: true, fullText: true, maxValueBytes: null },
    open: (options) =>
      guardRecordStore(
        openSqliteRecordStore({
          file: placeOfStore('sqlite', options) ?? ':memory:',
          clock: options.clock,
          inline: options.inline,
        }),
      ),
  },
  pglite: {
    capabilities: { durable: false, shared: false, fullText: true, maxValueBytes: null },
    open: (options) =>
      guardRecordStore(openPgliteRecordStore({ clock: options.clock, folder: placeOfStore('pglite', options) })),
  },
  postgres: {
    capabilities: { durable: true, shared: true, fullText: true, maxValueBytes: null },
    open: (options) => guardRecordStore(openPostgres(options)),
  },
} as const satisfies Record<string, Adapter<RecordStoreCapabilities, RecordStoreOptions, RecordStore>>);

/** Where a store of this kind lives on the disk, in the data folder or elsewhere; null where it does not, or nothing is to be kept. */
export function placeOfStore(kind: string, { name, data, path }: Omit<RecordStoreOptions, 'server'>): string | null {
  const ending = ENDINGS[kind];
  return data === null || ending === undefined ? null : resolve(data, path ?? `${name}${ending}`);
}

const ENDINGS: Readonly<Record<string, string>> = { sqlite: '.sqlite', pglite: '.pglite' };

/** Where no server is to be asked, a database inside this process stands for it: it speaks the same. */
function openPostgres({ name, data, server, clock }: RecordStoreOptions): RecordStore {
  if (data === null) return openPgliteRecordStore({ folder: null, clock });
  const url = server?.url ?? null;
  if (url === null) {
    throw new RegistryError('STORE_FAILURE', {
      message: `Nobody said where the PostgreSQL server of the store "${name}" is: give its URL`,
    });
  }
  return openPostgresRecordStore({
    url,
    schema: server?.schema ?? `entrepot_${name.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`,
    poolSize: server?.poolSize ?? undefined,
    tls: server?.tls ?? null,
    clock,
  });
}

export interface BlobStoreOptions {
  /** An absolute folder, for stores that live in one. */
  readonly root: string;
  /** Relative path of a blob: `{digest}` is its hex, `{digest:start:length}` a slice of it. */
  readonly pathTemplate: string;
  readonly maxBlobBytes: number;
  readonly minBlobBytes: number;
  readonly clock: Clock;
}

export const blobStores = Object.freeze({
  memory: {
    capabilities: { durable: false, shared: false },
    open: (options) => guardBlobStore(openMemoryBlobStore(options)),
  },
  filesystem: {
    capabilities: { durable: true, shared: true },
    open: (options) => guardBlobStore(openFilesystemBlobStore(options)),
  },
} as const satisfies Record<string, Adapter<BlobStoreCapabilities, BlobStoreOptions, BlobStore>>);

export interface CacheOptions {
  readonly maxBytes: number;
  readonly clock: Clock;
}

export const caches = Object.freeze({
  memory: {
    capabilities: { shared: false },
    open: (options) => guardCache(openMemoryCache(options)),
  },
} as const satisfies Record<string, Adapter<CacheCapabilities, CacheOptions, Cache>>);

/** Clients of upstreams; all can do what the port says. */
export const upstreamClients = Object.freeze({
  http: {
    capabilities: {},
    open: (options) => guardUpstream(openHttpUpstream(options)),
  },
} as const satisfies Record<string, Adapter<Readonly<Record<string, never>>, HttpUpstreamOptions, Upstream>>);

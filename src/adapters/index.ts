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
  /** Where a store that lives in a file has it; `:memory:` keeps nothing. */
  readonly file: string;
  readonly clock?: Clock;
}

export const recordStores = Object.freeze({
  memory: {
    capabilities: { durable: false, shared: false, fullText: true, maxValueBytes: null },
    open: (options) => guardRecordStore(openMemoryRecordStore(options)),
  },
  sqlite: {
    capabilities: { durable: true, shared: true, fullText: true, maxValueBytes: null },
    open: (options) => guardRecordStore(openSqliteRecordStore(options)),
  },
} as const satisfies Record<string, Adapter<RecordStoreCapabilities, RecordStoreOptions, RecordStore>>);

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

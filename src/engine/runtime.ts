import type { LimitsDefinition } from '../definition/types.ts';
import type { RegistryError } from '../errors/registry-error.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Cache } from '../ports/cache.ts';
import type { RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { DocumentRules } from './documents.ts';
import type { Fills } from './fills.ts';
import type { Representations } from './representations.ts';
import type { ResponseCache } from './response-cache.ts';
import type { Turns } from './turns.ts';

/** What all requests of one engine share. */
export interface EngineRuntime {
  readonly clock: Clock;
  readonly limits: LimitsDefinition;
  readonly turns: Turns;
  readonly cache: Cache;
  /** Whole answers; null where none are kept. */
  readonly responses: ResponseCache | null;
  readonly representations: Representations;
  readonly fills: Fills;
  readonly blobStoreNames: readonly string[];
  /** By the names of the definition; undeclared names are a fault of the compiler. */
  store(name: string): RecordStore;
  blobStore(name: string): BlobStore;
  /** The engine's knowledge of a document type by its collection. */
  rules(collection: string): DocumentRules;
  /** Sequence of the first record store: what cache entries are compared with. */
  sequence(): MaybePromise<number>;
  /** Key that signs cursors; the same on every process that shares the store. */
  readonly cursorKey: Buffer;
  readonly metrics: EngineMetrics;
  readonly log: EngineLog;
  /** Work that goes on after its response; `close` waits for it. */
  background(work: Promise<unknown>): void;
}

export interface EngineMetrics {
  commitRetries: number;
}

/** Where the engine reports trouble. */
export interface EngineLog {
  /** A request that ended with a status of 500 or more. */
  failure(entry: { readonly requestId: string; readonly routeId: string | null; readonly error: RegistryError }): void;
  /** Trouble that no client sees: a deferred effect, a lease that could not be ended. */
  warning(message: string, cause: unknown): void;
}

import { Readable } from 'node:stream';
import { fail, RegistryError } from '../../errors/registry-error.ts';
import type { BlobStore, ByteRange, PutOptions } from '../../ports/blob-store.ts';
import type { MaybePromise } from '../../shared/maybe-promise.ts';
import { type CallStats, createCallMeter } from './call-meter.ts';
import { checkCount, checkDuration } from './number-checks.ts';
import { checkLimit } from './record-checks.ts';

export interface GuardedBlobStore extends BlobStore {
  /** Calls, failures and times by method. */
  stats(): Readonly<Record<string, CallStats>>;
}

/**
 * The guard that stands before every blob store. Refuses sizes, times, limits and ranges that make no sense (VALUE_INVALID),
 * turns unknown errors into BLOB_STORE_FAILURE, measures, and refuses with CLOSING after `close`, which waits for calls in
 * flight. What a source throws and the reason of an abort pass as they are. Synchronous answers stay synchronous.
 */
export function guardBlobStore(store: BlobStore): GuardedBlobStore {
  const meter = createCallMeter('BLOB_STORE_FAILURE');
  const { uploads } = store;

  /** For methods that promise: what is refused is a rejection, never thrown. */
  async function run<T>(method: string, call: () => MaybePromise<T>): Promise<T> {
    return meter.run(method, call);
  }

  return {
    capabilities: store.capabilities,
    async put(source, options) {
      if (source instanceof Uint8Array) {
        return run('put', async () => {
          checkPut(options);
          const result = await store.put(source, options);
          return result.placing === null ? result : { ...result, placing: meter.follow('place', result.placing) };
        }).catch((error: unknown) => rethrow(error, options.signal));
      }
      const watched = watchSource(source, options.signal);
      return run('put', () => {
        checkPut(options);
        return store.put(watched.source, options);
      }).catch(watched.rethrow);
    },
    get: (digest, range, verify) =>
      meter.run('get', () => {
        if (range !== undefined) checkRange(range);
        return store.get(digest, range, verify);
      }),
    stat: (digest) => meter.run('stat', () => store.stat(digest)),
    delete: (digest) => run('delete', () => store.delete(digest)),
    list: (after, limit) =>
      run('list', () => {
        checkLimit(limit);
        return store.list(after, limit);
      }),
    lease: (digest, ttlMs) =>
      run('lease', () => {
        checkDuration(ttlMs);
        return store.lease(digest, ttlMs);
      }),
    release: (lease, settled) => run('release', () => store.release(lease, settled)),
    sweep: (isReferenced) => run('sweep', () => store.sweep(isReferenced)),
    uploads: {
      open: (ttlMs) =>
        run('uploads.open', () => {
          checkDuration(ttlMs);
          return uploads.open(ttlMs);
        }),
      async append(id, offset, source, maxBytes) {
        const watched = watchSource(source, undefined);
        return run('uploads.append', () => {
          if (offset !== null) checkCount(offset);
          if (maxBytes !== null && maxBytes !== undefined) checkCount(maxBytes);
          return uploads.append(id, offset, watched.source, maxBytes);
        }).catch(watched.rethrow);
      },
      status: (id) => run('uploads.status', () => uploads.status(id)),
      finish: (id, options) =>
        run('uploads.finish', () => {
          checkPut(options);
          return uploads.finish(id, options);
        }),
      cancel: (id) => run('uploads.cancel', () => uploads.cancel(id)),
    },
    health: () => run('health', () => store.health()),
    close: async () => meter.close(() => store.close()),
    stats: () => meter.stats(),
  };
}

interface WatchedSource {
  readonly source: AsyncIterable<Uint8Array>;
  /** Throws what the source or the signal gave instead of the store's failure that it was taken for. */
  rethrow(error: unknown): never;
}

function watchSource(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): WatchedSource {
  let failure: { readonly error: unknown } | null = null;
  return {
    source: {
      [Symbol.asyncIterator]() {
        const iterator = source[Symbol.asyncIterator]();
        return {
          next: () =>
            iterator.next().catch((error: unknown) => {
              failure = { error };
              throw error;
            }),
          async return() {
            // Its iterator would wait for the next chunk first, which may never come.
            if (source instanceof Readable) source.destroy();
            return (await iterator.return?.()) ?? { done: true, value: undefined };
          },
        };
      },
    },
    rethrow(error) {
      if (failure !== null && (causeOf(error) === failure.error || error === failure.error)) throw failure.error;
      rethrow(error, signal);
    },
  };
}

/** Throws the reason of an abort that was taken for a failure of the store; any other error as it is. */
function rethrow(error: unknown, signal: AbortSignal | undefined): never {
  throw signal?.aborted === true && causeOf(error) === signal.reason ? signal.reason : error;
}

function causeOf(error: unknown): unknown {
  return error instanceof RegistryError ? error.cause : undefined;
}

function checkPut(options: Omit<PutOptions, 'signal'>): void {
  checkDuration(options.leaseMs);
  const bounds = [options.maxBytes, options.expect?.size];
  for (const bound of bounds) if (bound !== null && bound !== undefined) checkCount(bound);
}

function checkRange(range: ByteRange): void {
  checkCount(range.start);
  if (!(range.end >= range.start)) fail('VALUE_INVALID', 'A range ends before it starts');
}

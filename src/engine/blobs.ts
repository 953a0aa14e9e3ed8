import { Readable } from 'node:stream';
import { RegistryError } from '../errors/registry-error.ts';
import { type ByteHandle, isByteHandle, type OpenBytes } from '../language/values.ts';
import type { BlobStore, Lease } from '../ports/blob-store.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { keep } from '../shared/passing-bytes.ts';
import type { BlobPutOptions, Blobs } from './contract.ts';
import type { RequestState } from './request-state.ts';
import type { Transaction } from './transaction.ts';

/** How long a blob may wait for the record that names it. A request that lives longer takes its leases anew at the commit. */
const LEASE_MS = 15 * 60_000;

interface HeldLease {
  readonly store: BlobStore;
  readonly lease: Lease;
  /** While the blob is on its way to its place. */
  readonly placing: Promise<void> | null;
  /** When it was taken, in milliseconds since the epoch. */
  readonly at: number;
}

/** Blobs as one request sees them. Everything it puts is under a lease until a commit names it or the request ends. */
export class RequestBlobs implements Blobs {
  readonly #session: RequestState;
  /** Made with the first entry: most requests only read. */
  #leases: Map<string, HeldLease[]> | null = null;
  #put: Set<string> | null = null;
  /** By digest: blobs that are on their way to their place. They fail no earlier than somebody asks for them. */
  #placing: Map<string, Promise<void>> | null = null;

  constructor(session: RequestState) {
    this.#session = session;
  }

  async put(
    storeName: string,
    source: ByteHandle | AsyncIterable<Uint8Array> | Uint8Array,
    options: BlobPutOptions,
  ): Promise<ByteHandle> {
    this.#session.countIo();
    const store = this.#session.engine.blobStore(storeName);
    const handle = isByteHandle(source) ? source : null;
    const content = isByteHandle(source) ? contentOf(await source.open()) : source;
    // Of what is in memory the steps that follow need not wait for the disk: the commit does.
    const whole = content instanceof Uint8Array && options.onGrowth === undefined ? keep(content) : null;
    const result = await store.put(content, {
      algorithms: options.algorithms,
      expect: { digest: options.expectDigest, size: options.expectSize },
      maxBytes: options.maxBytes,
      leaseMs: LEASE_MS,
      signal: this.#session.signal,
      isPlacedLater: whole !== null,
      ...(options.onGrowth === undefined ? {} : { onGrowth: options.onGrowth }),
    });
    const held = this.#hold(store, result.lease, result.placing);
    if (result.placing !== null) this.#follow(held, result.placing);
    this.#put ??= new Set();
    for (const digest of Object.values(result.digests)) if (digest !== undefined) this.#put.add(digest);
    return new StoredBlob(
      store,
      result.digest,
      result.size,
      options.mediaType ?? handle?.mediaType ?? null,
      result.digests,
      whole,
    );
  }

  /** When all that was put is durable and in its place; null where it is already. Fails as its stores do, once for each blob. */
  get placed(): Promise<unknown> | null {
    const all = this.#placing;
    if (all === null || all.size === 0) return null;
    const told = [...all].map(([digest, placing]) =>
      placing.catch((failure: unknown) => {
        if (all.get(digest) === placing) all.delete(digest);
        throw failure;
      }),
    );
    return Promise.all(told);
  }

  #follow(held: HeldLease, placing: Promise<void>): void {
    this.#placing ??= new Map();
    const all = this.#placing;
    const { digest } = held.lease;
    all.set(digest, placing);
    placing.then(
      () => {
        if (all.get(digest) === placing) all.delete(digest);
      },
      // The lease ended with it: whoever names the blob all the same is to hear that it is missing.
      () => this.#drop(held),
    );
  }

  get(
    storeName: string,
    digest: string,
    known: { readonly size: number | null; readonly mediaType: string | null },
  ): MaybePromise<ByteHandle | null> {
    const placing = this.#placing?.get(digest);
    if (placing !== undefined) return placing.then(() => this.get(storeName, digest, known));
    const store = this.#session.engine.blobStore(storeName);
    if (known.size !== null) return new StoredBlob(store, digest, known.size, known.mediaType, { sha256: digest });
    this.#session.countIo();
    return whenReady(store.stat(digest), (stat) =>
      stat === null ? null : new StoredBlob(store, digest, stat.size, known.mediaType, { sha256: digest }),
    );
  }

  wasPut(digest: string): boolean {
    return this.#put?.has(digest) ?? false;
  }

  stat(storeName: string, digest: string): MaybePromise<{ readonly digest: string; readonly size: number } | null> {
    const placing = this.#placing?.get(digest);
    if (placing !== undefined) return placing.then(() => this.stat(storeName, digest));
    this.#session.countIo();
    return this.#session.engine.blobStore(storeName).stat(digest);
  }

  /**
   * Waits until all that was put is durable, and makes sure that every digest which a commit newly names is in a store and stays there until
   * the commit is through: digests that this request put are held already, others get a lease now. BLOB_MISSING where no store has one. The
   * function returned ends the holding.
   */
  async holdForCommit(txn: Transaction): Promise<(committed: boolean) => void> {
    const { placed } = this;
    if (placed !== null) await placed;
    const named = txn.newDigests((collection, value) => this.#session.engine.rules(collection).digests(value.value));
    const borrowed: HeldLease[] = [];
    for (const digest of named) {
      if (this.#isHeld(digest)) continue;
      const held = await this.#borrow(digest);
      if (held === null) {
        for (const lease of borrowed) this.#release(lease, false);
        throw new RegistryError('BLOB_MISSING', { details: { digest } });
      }
      borrowed.push(held);
    }
    return (committed) => {
      for (const lease of borrowed) this.#release(lease, committed);
      if (!committed) return;
      for (const digest of named) {
        for (const lease of this.#leases?.get(digest) ?? []) this.#release(lease, true);
        this.#leases?.delete(digest);
      }
    };
  }

  /** Ends the leases that no commit settled: the sweeper takes what nobody names. */
  releaseAll(): void {
    if (this.#leases === null) return;
    for (const leases of this.#leases.values()) for (const lease of leases) this.#release(lease, false);
    this.#leases.clear();
  }

  async #borrow(digest: string): Promise<HeldLease | null> {
    for (const name of this.#session.engine.blobStoreNames) {
      const store = this.#session.engine.blobStore(name);
      this.#session.countIo();
      const lease = await store.lease(digest, LEASE_MS);
      if (lease !== null) return { store, lease, placing: null, at: this.#session.now() };
    }
    return null;
  }

  /** A lease that is half over is not relied on: the commit may take its time. */
  #isHeld(digest: string): boolean {
    const now = this.#session.now();
    return this.#leases?.get(digest)?.some((held) => now - held.at < LEASE_MS / 2) ?? false;
  }

  #hold(store: BlobStore, lease: Lease, placing: Promise<void> | null): HeldLease {
    this.#leases ??= new Map();
    const leases = this.#leases.get(lease.digest);
    const held = { store, lease, placing, at: this.#session.now() };
    if (leases === undefined) this.#leases.set(lease.digest, [held]);
    else leases.push(held);
    return held;
  }

  #drop(held: HeldLease): void {
    const leases = this.#leases?.get(held.lease.digest);
    const at = leases?.indexOf(held) ?? -1;
    if (at >= 0) leases?.splice(at, 1);
  }

  #release(held: HeldLease, settled: boolean): void {
    const { background, log } = this.#session.engine;
    const release = () => held.store.release(held.lease, settled);
    // What comes to its place behind the end of its lease, no sweeper would look for.
    const released = held.placing === null || settled ? release() : held.placing.then(release, release);
    background(released.catch((cause) => log.warning('A lease could not be ended', cause)));
  }
}

/** A blob in a store, opened when somebody reads it. */
class StoredBlob implements ByteHandle {
  readonly isByteHandle = true;
  readonly reopenable = true;
  readonly size: number;
  readonly mediaType: string | null;
  readonly digests: Readonly<Record<string, string>>;
  readonly #store: BlobStore;
  readonly #digest: string;
  /** All of it, where this request has it in memory. */
  readonly #whole: Uint8Array | null;

  constructor(
    store: BlobStore,
    digest: string,
    size: number,
    mediaType: string | null,
    digests: Readonly<Record<string, string>>,
    whole: Uint8Array | null = null,
  ) {
    this.#store = store;
    this.#whole = whole;
    this.#digest = digest;
    this.size = size;
    this.mediaType = mediaType;
    this.digests = digests;
  }

  open(range?: { readonly start: number; readonly end: number }): MaybePromise<OpenBytes> {
    if (this.#whole !== null) return partOf(this.#whole, range);
    return whenReady(this.#store.get(this.#digest, range), (content) => {
      // Whoever holds a handle was told that the blob exists: its absence is the registry's fault, not the client's.
      if (content === null) {
        throw new RegistryError('BLOB_MISSING', { status: 500, details: { digest: this.#digest } });
      }
      return content;
    });
  }
}

function contentOf({ bytes, stream }: OpenBytes): AsyncIterable<Uint8Array> | Uint8Array {
  return bytes ?? (stream as AsyncIterable<Uint8Array> | null) ?? new Uint8Array(0);
}

function partOf(whole: Uint8Array, range: { readonly start: number; readonly end: number } | undefined): OpenBytes {
  const size = whole.byteLength;
  if (range !== undefined && range.start >= size)
    throw new RegistryError('RANGE_NOT_SATISFIABLE', { details: { size } });
  return { size, bytes: range === undefined ? whole : whole.subarray(range.start, range.end + 1), stream: null };
}

/** The whole content of a handle as a stream, for whoever needs one. */
export function toReadable(opened: OpenBytes): Readable {
  return opened.stream ?? Readable.from(opened.bytes === null ? [] : [opened.bytes]);
}

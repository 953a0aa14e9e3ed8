import type { BlobStat, BlobStore, PutOptions, PutResult } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { letGo } from '../../shared/passing-bytes.ts';
import { drain } from './drain.ts';
import { tellGrowth } from './filesystem-growing.ts';
import { classified, type FileIo, nodeFileIo, orAbsent, removeFile } from './filesystem-io.ts';
import { openLayout } from './filesystem-layout.ts';
import { createLeaseFiles } from './filesystem-leases.ts';
import { walkBlobs } from './filesystem-list.ts';
import { createPlacer } from './filesystem-place.ts';
import { createQuickIo } from './filesystem-quick.ts';
import { createBlobReader, createKnownBlobs } from './filesystem-read.ts';
import { createSpool, type Spool } from './filesystem-spool.ts';
import { sweepBlobs } from './filesystem-sweep.ts';
import { createFileUploads } from './filesystem-uploads.ts';
import { addressHex, type BlobBounds, openIntake } from './intake.ts';
import { createTurns } from './turns.ts';

export interface FilesystemBlobStoreOptions extends BlobBounds {
  /** An absolute folder; made when it is not there. All of it must lie on one file system. */
  readonly root: string;
  /** Relative path of a blob: `{digest}` is its hex, `{digest:start:length}` a slice of it. */
  readonly pathTemplate: string;
  readonly clock: Clock;
  /** Faults, in tests. */
  readonly io?: FileIo;
}

/**
 * Blobs as files that appear in their place whole and durable: written to a temporary file while they are hashed,
 * fsync, rename, fsync of the folder. Several processes may share the folder. Fails with DEFINITION_INVALID on a
 * template that cannot be used.
 */
export function openFilesystemBlobStore(options: FilesystemBlobStoreOptions): BlobStore {
  const { clock } = options;
  const io = classified(options.io ?? nodeFileIo);
  const layout = openLayout(options.root, options.pathTemplate, clock);
  const quick = createQuickIo(io);
  const turns = createTurns();
  const sweeps = createTurns();
  const known = createKnownBlobs();
  const leases = createLeaseFiles(io, quick, layout.leases, layout.lease, clock);
  const reader = createBlobReader(io, layout, turns, known);
  const { place, placeLater } = createPlacer(io, quick, layout, leases, turns, known);
  const uploads = createFileUploads({ io, quick, layout, clock, bounds: options, place });

  /** Of bytes that are all there, nothing is written before it is known what they are, and nothing at all where the store has them. */
  async function putWhole(bytes: Uint8Array, putOptions: PutOptions): Promise<PutResult> {
    putOptions.signal?.throwIfAborted();
    const intake = openIntake(putOptions, options);
    intake.admit(bytes.byteLength);
    const path = layout.temporary();
    const spool = createSpool(io, quick, path, 'wx', 0);
    const result = await placeLater(intake.finish(bytes), putOptions.leaseMs, async () => {
      await spool.writeWhole(bytes);
      return path;
    });
    const placing = result.placing.catch(async (failure: unknown) => {
      await removeSpooled(spool, path);
      throw failure;
    });
    return { ...result, placing };
  }

  async function removeSpooled(spool: Spool, path: string): Promise<void> {
    await spool.abandon().catch(() => undefined);
    if (spool.opened) await removeFile(io, path).catch(() => undefined);
  }

  async function put(source: AsyncIterable<Uint8Array> | Uint8Array, putOptions: PutOptions): Promise<PutResult> {
    if (source instanceof Uint8Array && putOptions.isPlacedLater === true) return putWhole(source, putOptions);
    const intake = openIntake(putOptions, options);
    const path = layout.temporary();
    const spool = createSpool(io, quick, path, 'wx', 0, tellGrowth(io, path, putOptions.onGrowth));
    let moved = false;
    try {
      await drain(source, putOptions.signal, async (chunk) => {
        intake.admit(chunk.byteLength);
        const written = spool.write(chunk);
        // While the disk is at work.
        intake.hash(chunk);
        await written;
        letGo(chunk);
      });
      const taken = intake.finish();
      // Whoever reads along needs all of it, also where the content is there already and the file is not.
      if (putOptions.onGrowth !== undefined) await spool.flush();
      const result = await place(taken, putOptions.leaseMs, async () => {
        await spool.finish();
        return path;
      });
      moved = !result.existed;
      return result;
    } finally {
      if (!moved) await removeSpooled(spool, path);
    }
  }

  return {
    capabilities: { durable: true, shared: true },
    put,
    get: reader.get,
    stat: reader.stat,
    async delete(digest) {
      const hex = addressHex(digest);
      known.delete(hex);
      return turns.run(hex, () => removeFile(io, layout.blob(hex)));
    },
    async list(after, limit) {
      const found: BlobStat[] = [];
      if (limit <= 0) return found;
      for await (const hex of walkBlobs(io, layout, after === null ? '' : addressHex(after))) {
        const facts = await orAbsent(io.stat(layout.blob(hex)));
        if (facts !== null) found.push({ digest: `sha256:${hex}`, size: facts.size });
        if (found.length === limit) break;
      }
      return found;
    },
    async lease(digest, ttlMs) {
      const hex = addressHex(digest);
      return turns.run(hex, async () => {
        // The lease comes first: from here on no sweeper deletes what is found.
        const lease = await leases.take(hex, ttlMs);
        const found = await reader.restore(hex).catch(async (error: unknown) => {
          await leases.settle(lease);
          throw error;
        });
        if (!found) await leases.settle(lease);
        return found ? lease : null;
      });
    },
    release: (lease, settled) => (settled ? leases.settle(lease) : leases.end(lease)),
    sweep: (isReferenced) =>
      // One at a time: a sweep waits for the turns of many blobs.
      sweeps.run('sweep', async () => {
        const swept = await sweepBlobs({ io, layout, leases, turns, known, clock }, isReferenced);
        return { ...swept, deletedTemporaryFiles: swept.deletedTemporaryFiles + (await uploads.sweep()) };
      }),
    uploads,
    async health() {
      const started = performance.now();
      const path = layout.temporary();
      try {
        const fd = await io.open(path, 'wx');
        await io.write(fd, new Uint8Array(1), 0).finally(() => io.close(fd));
        await io.unlink(path);
        return { ok: true, latencyMs: performance.now() - started };
      } catch (error) {
        await removeFile(io, path).catch(() => undefined);
        const reason = error instanceof Error ? String(error.cause ?? error) : String(error);
        return { ok: false, latencyMs: performance.now() - started, reason };
      }
    },
    async close() {},
  };
}

import { dirname } from 'node:path';
import type { Lease, PutResult } from '../../ports/blob-store.ts';
import { type FileIo, isErrno } from './filesystem-io.ts';
import { createFolderMaker, type Layout, syncFolder } from './filesystem-layout.ts';
import type { LeaseFiles } from './filesystem-leases.ts';
import type { QuickIo } from './filesystem-quick.ts';
import type { KnownBlobs } from './filesystem-read.ts';
import type { Taken } from './intake.ts';
import type { Turns } from './turns.ts';

/** Brings a written file to its place under its digest, unless the content is there already. */
export interface Placer {
  place(taken: Taken, leaseMs: number, ready: Ready): Promise<PutResult>;
  /** As `place`, but ends with the lease; `placing` tells of the rest. */
  placeLater(taken: Taken, leaseMs: number, ready: Ready): Promise<PutResult & { readonly placing: Promise<void> }>;
}

/** Makes the content a whole and durable file and gives its path; not called when the content is there. */
type Ready = () => Promise<string>;

/**
 * The order matters for several processes on one folder: the lease is there before the content is looked for, so a
 * sweeper that takes it aside sees the lease when it looks again and brings the content back.
 */
export function createPlacer(
  io: FileIo,
  quick: QuickIo,
  layout: Layout,
  leases: LeaseFiles,
  turns: Turns,
  known: KnownBlobs,
): Placer {
  const folders = createFolderMaker(io, layout.root);

  async function moveInto(folder: string, ready: Ready, to: string): Promise<void> {
    // Both wait for the disk, which takes them together; neither may go on behind the other's failure.
    const [content, made] = await Promise.allSettled([ready(), folders.ensure(folder)]);
    if (content.status === 'rejected') throw content.reason;
    if (made.status === 'rejected') throw made.reason;
    const from = content.value;
    try {
      await quick.rename(from, to);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      // Somebody removed the folder since it was made.
      folders.forget();
      await folders.ensure(folder);
      await quick.rename(from, to);
    }
  }

  /** Returns whether the content was there. */
  async function placeLeased(taken: Taken, lease: Lease, ready: Ready): Promise<boolean> {
    const path = layout.blob(taken.hex);
    const folder = dirname(path);
    let inPlace = true;
    try {
      const present = await quick.stat(path);
      // A file of another size is damaged: the new one takes its place.
      const existed = present?.size === taken.size;
      if (!existed) {
        inPlace = present !== null;
        await moveInto(folder, ready, path);
        inPlace = true;
      }
      // Also when it existed: whoever put it may not have come to this, and this put answers for it too.
      await syncFolder(io, folder);
      known.set(taken.hex, taken.size);
      return existed;
    } catch (error) {
      await (inPlace ? leases.end(lease) : leases.settle(lease)).catch(() => undefined);
      throw error;
    }
  }

  function resultOf({ size, digests }: Taken, lease: Lease) {
    return { digest: lease.digest, size, digests, lease };
  }

  return {
    place: (taken, leaseMs, ready) =>
      turns.run(taken.hex, async () => {
        const lease = await leases.take(taken.hex, leaseMs);
        const existed = await placeLeased(taken, lease, ready);
        return { ...resultOf(taken, lease), existed, placing: null };
      }),
    async placeLater(taken, leaseMs, ready) {
      const lease = await leases.take(taken.hex, leaseMs);
      const placing = turns.run(taken.hex, async () => void (await placeLeased(taken, lease, ready)));
      return { ...resultOf(taken, lease), existed: null, placing };
    },
  };
}

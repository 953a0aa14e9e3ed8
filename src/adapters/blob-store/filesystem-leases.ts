import { randomUUID } from 'node:crypto';
import { fail } from '../../errors/registry-error.ts';
import type { Lease } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { type FileIo, isErrno, orAbsent, removeFile } from './filesystem-io.ts';
import { isGone, ownProcess, PROCESS_PATTERN } from './filesystem-process.ts';
import type { QuickIo } from './filesystem-quick.ts';
import { addressHex } from './intake.ts';

/**
 * Leases as empty files named `<hex>.<end, ms>.<process>.<uuid>`: all processes on the folder see them, they outlive a
 * killed process, and a torn write cannot spoil them. The end is 0 once a lease was released without being settled.
 * Where the file system can, all are names of one file: making and removing files by the thousand is dear, ext4 looks
 * through all those that were removed in the last minutes before it makes one; names cost a tenth.
 */
export interface LeaseFiles {
  take(hex: string, ttlMs: number): Promise<Lease>;
  /** The blob is somebody's: nothing to sweep on this lease's account. */
  settle(lease: Lease): Promise<void>;
  /** Leaves the blob to the sweeper. */
  end(lease: Lease): Promise<void>;
  read(): Promise<LeaseView>;
  /** Removes lease files by name. */
  remove(names: readonly string[]): Promise<void>;
}

/** The leases of one moment. */
export interface LeaseView {
  /** Blobs with an ended lease, in byte order. */
  readonly ended: ReadonlyMap<string, readonly string[]>;
  /** Whether a lease on the blob holds. */
  holds(hex: string): boolean;
}

const NAME = new RegExp(`^([0-9a-f]{64})\\.(\\d+)\\.(${PROCESS_PATTERN})\\.[0-9a-f-]{36}$`);

/** `shared` is the path of the file that leases are names of. */
export function createLeaseFiles(io: FileIo, quick: QuickIo, folder: string, shared: string, clock: Clock): LeaseFiles {
  async function make(path: string): Promise<void> {
    const fd = await io.open(path, 'wx');
    await io.close(fd).catch(async (error: unknown) => {
      // Nobody would know of it.
      await removeFile(io, path).catch(() => undefined);
      throw error;
    });
  }

  async function nameShared(path: string): Promise<void> {
    try {
      await quick.link(shared, path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      await make(shared).catch((failure: unknown) => {
        if (!isErrno(failure, 'EEXIST')) throw failure;
      });
      await quick.link(shared, path);
    }
  }

  async function settle(lease: Lease): Promise<void> {
    try {
      await quick.unlink(`${folder}/${nameOf(lease)}`);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  return {
    async take(hex, ttlMs) {
      const id = `${Math.ceil(clock.now() + ttlMs)}.${ownProcess}.${randomUUID()}`;
      const path = `${folder}/${hex}.${id}`;
      // Not every file system has links, and a file has so many names at most.
      await nameShared(path).catch(() => make(path));
      return { digest: `sha256:${hex}`, id };
    },
    settle,
    async end(lease) {
      const name = nameOf(lease);
      const ended = name.replace(/\.\d+\./, '.0.');
      // Absent: it ended by time and was swept.
      await orAbsent((async () => quick.rename(`${folder}/${name}`, `${folder}/${ended}`))());
    },
    async read() {
      const now = clock.now();
      const gone = new Map<string, boolean>();
      const holding = new Set<string>();
      const ended = new Map<string, string[]>();
      for (const name of [...(await io.readdir(folder))].sort()) {
        const match = NAME.exec(name);
        const [, hex, end, owner] = match ?? [];
        if (hex === undefined || owner === undefined) continue;
        if (!gone.has(owner)) gone.set(owner, isGone(owner));
        if (Number(end) > now && gone.get(owner) === false) {
          holding.add(hex);
        } else {
          const names = ended.get(hex);
          if (names === undefined) ended.set(hex, [name]);
          else names.push(name);
        }
      }
      return { ended, holds: (hex) => holding.has(hex) };
    },
    async remove(names) {
      for (const name of names) await removeFile(io, `${folder}/${name}`);
    },
  };
}

function nameOf(lease: Lease): string {
  const name = `${addressHex(lease.digest)}.${lease.id}`;
  return NAME.test(name) ? name : fail('VALUE_INVALID', 'This is not a lease of this store');
}

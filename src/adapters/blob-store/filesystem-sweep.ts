import type { BlobStore, SweepResult } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';
import { type FileIo, orAbsent, removeFile } from './filesystem-io.ts';
import { type Layout, readMarked } from './filesystem-layout.ts';
import type { LeaseFiles } from './filesystem-leases.ts';
import { isGone } from './filesystem-process.ts';
import type { KnownBlobs } from './filesystem-read.ts';
import type { Turns } from './turns.ts';

type IsReferenced = Parameters<BlobStore['sweep']>[0];

/** Blobs that are decided on together, so that the leases are read twice for all of them. */
const BATCH = 64;

/** What a living process has not touched for so long is given up. */
const STALE_MS = 60 * 60 * 1000;

export interface SweepParts {
  readonly io: FileIo;
  readonly layout: Layout;
  readonly leases: LeaseFiles;
  readonly turns: Turns;
  readonly known: KnownBlobs;
  readonly clock: Clock;
}

interface Aside {
  readonly hex: string;
  readonly path: string;
  readonly ended: readonly string[];
}

/**
 * Deletes what nobody holds: blobs, then temporary files. Puts and leases of this process wait for their blob's turn.
 * For other processes a blob is first taken out of its place, then its leases and references are looked at again: a put
 * that still found it in its place has left a lease or a record by then, and one that came later brings its own content.
 */
export async function sweepBlobs(parts: SweepParts, isReferenced: IsReferenced): Promise<SweepResult> {
  const { leases, turns } = parts;
  let deletedBlobs = await recoverAside(parts, isReferenced);
  const candidates = [...(await leases.read()).ended.keys()];
  for (let at = 0; at < candidates.length; at += BATCH) {
    const batch = candidates.slice(at, at + BATCH);
    deletedBlobs += await turns.runAll(batch, () => sweepBatch(parts, batch, isReferenced));
  }
  return { deletedBlobs, deletedTemporaryFiles: await sweepTemporary(parts) };
}

async function sweepBatch(parts: SweepParts, batch: readonly string[], isReferenced: IsReferenced): Promise<number> {
  const { leases } = parts;
  const before = await leases.read();
  const moved: Aside[] = [];
  let deleted = 0;
  try {
    for (const hex of batch) {
      const ended = before.ended.get(hex);
      if (ended === undefined || before.holds(hex)) continue;
      const path = (await isReferenced(`sha256:${hex}`)) ? null : await takeAside(parts, hex);
      if (path === null) await leases.remove(ended);
      else moved.push({ hex, path, ended });
    }
    const after = await leases.read();
    for (let next = moved[0]; next !== undefined; next = moved[0]) {
      const { hex, path, ended } = next;
      const keep = after.holds(hex) || (await isReferenced(`sha256:${hex}`));
      if (keep) await bringBack(parts, hex, path);
      else if (await removeFile(parts.io, path)) deleted += 1;
      moved.shift();
      if (!after.holds(hex)) await leases.remove(ended);
    }
  } finally {
    // After a failure nothing may stay aside.
    for (const { hex, path } of moved) await bringBack(parts, hex, path);
  }
  return deleted;
}

/** Takes a blob out of its place; null when it is not there. */
async function takeAside({ io, layout, known }: SweepParts, hex: string): Promise<string | null> {
  const path = layout.asideOf(hex);
  known.delete(hex);
  return orAbsent(io.rename(layout.blob(hex), path).then(() => path));
}

/** Content that was put in its place meanwhile is the same. Absent: a lease brought it back. */
async function bringBack({ io, layout }: SweepParts, hex: string, path: string): Promise<void> {
  await orAbsent(io.rename(path, layout.blob(hex)));
}

/** Decides on blobs that a sweeper left aside when it was killed; returns how many it deleted. */
async function recoverAside(parts: SweepParts, isReferenced: IsReferenced): Promise<number> {
  const { io, layout, leases, turns, clock } = parts;
  let deleted = 0;
  for (const name of await io.readdir(layout.aside)) {
    const marked = readMarked(name);
    if (marked === null || marked.hex === null) continue;
    if (!isGone(marked.owner) && clock.now() - marked.madeAt < STALE_MS) continue;
    const { hex } = marked;
    const path = `${layout.aside}/${name}`;
    await turns.run(hex, async () => {
      const inPlace = (await orAbsent(io.stat(layout.blob(hex)))) !== null;
      const keep = !inPlace && ((await leases.read()).holds(hex) || (await isReferenced(`sha256:${hex}`)));
      if (keep) await bringBack(parts, hex, path);
      else if ((await removeFile(io, path)) && !inPlace) deleted += 1;
    });
  }
  return deleted;
}

async function sweepTemporary({ io, layout, clock }: SweepParts): Promise<number> {
  let deleted = 0;
  for (const name of await io.readdir(layout.tmp)) {
    const marked = readMarked(name);
    if (marked === null) continue;
    const path = `${layout.tmp}/${name}`;
    const facts = await orAbsent(io.stat(path));
    if (facts === null) continue;
    // A slow put goes on writing: the file's own time counts, not only that of its name.
    const age = clock.now() - Math.max(marked.madeAt, facts.mtimeMs);
    if ((isGone(marked.owner) || age > STALE_MS) && (await removeFile(io, path))) deleted += 1;
  }
  return deleted;
}

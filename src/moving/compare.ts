import type { BlobStat, BlobStore } from '../ports/blob-store.ts';
import { compareBytes } from '../shared/compare.ts';
import { everyBlob } from './blob-transfer.ts';
import { blobDigest, type Content, type StoreContent } from './content-digest.ts';

/** One document type, or the log, on both sides. */
export interface Compared {
  /** Null: the log. */
  readonly collection: string | null;
  readonly from: Content | null;
  readonly to: Content | null;
  readonly same: boolean;
}

/** Sets what two stores hold side by side: every collection that either has, in byte order, and the log last. */
export function compareContents(from: StoreContent, to: StoreContent): readonly Compared[] {
  const sides = [from, to].map(({ collections }) => new Map(collections.map((content) => [content.name, content])));
  const names = [...new Set(sides.flatMap((side) => [...side.keys()]))].sort(compareBytes);
  return [
    ...names.map((name) => compared(name, sides[0]?.get(name) ?? null, sides[1]?.get(name) ?? null)),
    compared(null, from.events, to.events),
  ];
}

function compared(collection: string | null, from: Content | null, to: Content | null): Compared {
  return { collection, from, to, same: from?.count === to?.count && from?.digest === to?.digest };
}

export interface BlobsCompared {
  readonly from: Content & { readonly bytes: number };
  /** Of those that the other side has too. */
  readonly to: Content & { readonly bytes: number };
  /** How many blobs the target has besides. */
  readonly others: number;
}

/** Lists both stores, side by side in byte order of the digests. That content has its digest was seen when it was written. */
export async function compareBlobs(from: BlobStore, to: BlobStore): Promise<BlobsCompared> {
  const sides = { from: createTally(), to: createTally() };
  let others = 0;
  const targets = everyBlob(to);
  let target = await targets.next();
  for await (const source of everyBlob(from)) {
    sides.from.add(source);
    for (; target.done !== true && compareBytes(target.value.digest, source.digest) < 0; target = await targets.next())
      others++;
    if (target.done === true || target.value.digest !== source.digest) continue;
    sides.to.add(target.value);
    target = await targets.next();
  }
  for (; target.done !== true; target = await targets.next()) others++;
  return { from: sides.from.result(), to: sides.to.result(), others };
}

function createTally() {
  const digest = blobDigest();
  let bytes = 0;
  return {
    add(stat: BlobStat) {
      digest.add([stat]);
      bytes += stat.size;
    },
    result: () => ({ ...digest.result(), bytes }),
  };
}

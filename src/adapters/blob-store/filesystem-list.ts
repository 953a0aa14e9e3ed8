import { type FileIo, orAbsent } from './filesystem-io.ts';
import type { Layout } from './filesystem-layout.ts';

/**
 * The hex of every blob after `after`, in byte order. With a template whose folders are the beginning of the digest
 * only the folders that are needed are read, one at a time; with any other all are, first.
 */
export async function* walkBlobs(io: FileIo, layout: Layout, after: string): AsyncGenerator<string> {
  if (layout.template.ordered) {
    yield* walk(io, layout, after, 0, layout.root, '', null);
    return;
  }
  const all: string[] = [];
  for await (const hex of walk(io, layout, '', 0, layout.root, '', null)) if (hex > after) all.push(hex);
  yield* all.sort();
}

/** `prefix` is what the levels above say of the digest's beginning; only an ordered template goes by it. */
async function* walk(
  io: FileIo,
  layout: Layout,
  after: string,
  depth: number,
  folder: string,
  prefix: string,
  hexAbove: string | null,
): AsyncGenerator<string> {
  const { levels, ordered } = layout.template;
  const level = levels[depth];
  const names = await orAbsent(io.readdir(folder));
  if (level === undefined || names === null) return;
  for (const name of [...names].sort()) {
    const match = level(name);
    if (match === null) continue;
    const hex = hexAbove ?? match.hex;
    const start = prefix + match.slices.join('');
    if (depth + 1 < levels.length) {
      // Every digest that begins so comes before.
      if (ordered && start < after.slice(0, start.length)) continue;
      yield* walk(io, layout, after, depth + 1, `${folder}/${name}`, start, hex);
    } else if (hex !== null && hex > after && `${folder}/${name}` === layout.blob(hex)) {
      yield hex;
    }
  }
}

import { existsSync, type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

/** Changes that come this close together are one: editors write a file in several steps. */
const QUIET_MS = 100;

/**
 * Runs `action` now and again after changes of JSON files in the registry (a folder or a file) and its packs; one run at a time, and
 * once more where something changed meanwhile. Resolves, when a run under way is over, on SIGINT or SIGTERM or when `stopped` does.
 */
export async function watchFolder(
  path: string,
  action: () => Promise<void>,
  stopped: Promise<unknown> = stopSignal(),
): Promise<void> {
  let changed = true;
  let ended = false;
  let wake: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  const watchers = new Map<string, FSWatcher>();
  const noteChange = (name: string | null) => {
    // A name without an ending may be a pack's folder.
    if (name !== null && /\.[^.]*$/.test(name) && !name.endsWith('.json')) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      changed = true;
      wake();
    }, QUIET_MS);
  };
  const follow = () => {
    const folders = foldersOf(path);
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      if (watchers.has(folder)) continue;
      const watcher = watch(folder, (_event, name) => noteChange(name));
      // The folder is gone; the one above it tells when it comes back.
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(folder);
      });
      watchers.set(folder, watcher);
    }
  };
  stopped.then(() => {
    ended = true;
    wake();
  });
  try {
    while (!ended) {
      follow();
      if (changed) {
        changed = false;
        await action();
      } else {
        await new Promise<void>((next) => {
          wake = next;
        });
      }
    }
  } finally {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  }
}

function stopSignal(): Promise<void> {
  return new Promise((next) => {
    process.once('SIGINT', next);
    process.once('SIGTERM', next);
  });
}

/** The folder of the registry, those of its packs, and all between. Others, such as a data folder, may be large and do not matter. */
function foldersOf(path: string): ReadonlySet<string> {
  const absolute = resolve(path);
  const isFolder = statSync(absolute, { throwIfNoEntry: false })?.isDirectory() ?? !absolute.endsWith('.json');
  const root = isFolder ? absolute : dirname(absolute);
  const folders = new Set([root]);
  for (const pack of packsOf(join(root, isFolder ? 'schema.json' : basename(absolute)))) {
    for (let folder = resolve(root, pack); !relative(root, folder).startsWith('..'); folder = dirname(folder)) {
      if (folder === root) break;
      if (existsSync(folder)) folders.add(folder);
    }
  }
  return folders;
}

/** None where the file cannot be read just now. */
function packsOf(file: string): readonly string[] {
  try {
    const { packs }: { packs?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(packs) ? packs.filter((pack) => typeof pack === 'string') : [];
  } catch {
    return [];
  }
}

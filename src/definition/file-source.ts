import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';

/** Where the files of a registry are read. Paths are absolute. */
export interface FileSource {
  /** Null where there is nothing. */
  isFolder(path: string): Promise<boolean | null>;
  /**
   * At once; null where it cannot be read. A definition is hundreds of small files: each takes microseconds this way, and several times as long
   * by way of the thread pool.
   */
  read(path: string): Uint8Array | null;
  /** Names in a folder; none where it cannot be read. */
  list(path: string): Promise<readonly string[]>;
}

export const diskFiles: FileSource = {
  isFolder: (path) =>
    stat(path).then(
      (info) => info.isDirectory(),
      () => null,
    ),
  read(path) {
    try {
      return readFileSync(path);
    } catch {
      return null;
    }
  },
  list: (path) => readdir(path).catch(() => []),
};

/** All that was read of a registry, by path, as JSON can hold it. */
export interface KeptFiles {
  readonly folders: Readonly<Record<string, boolean | null>>;
  readonly texts: Readonly<Record<string, string | null>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/** Reads from the disk, and keeps what it read: another process that reads `kept` reads the same, whatever has changed meanwhile. */
export function keepingFiles(): FileSource & { readonly kept: KeptFiles } {
  const kept = {
    folders: {} as Record<string, boolean | null>,
    texts: {} as Record<string, string | null>,
    lists: {} as Record<string, readonly string[]>,
  };
  return {
    kept,
    async isFolder(path) {
      const found = await diskFiles.isFolder(path);
      kept.folders[path] = found;
      return found;
    },
    read(path) {
      const bytes = diskFiles.read(path);
      // What is not UTF-8 is not loaded, so that nobody comes to read it again.
      kept.texts[path] = bytes === null ? null : Buffer.from(bytes).toString('utf8');
      return bytes;
    },
    async list(path) {
      const names = await diskFiles.list(path);
      kept.lists[path] = names;
      return names;
    },
  };
}

/** Reads what another source kept. */
export function keptFiles({ folders, texts, lists }: KeptFiles): FileSource {
  return {
    isFolder: async (path) => folders[path] ?? null,
    read(path) {
      const text = texts[path] ?? null;
      return text === null ? null : Buffer.from(text, 'utf8');
    },
    list: async (path) => lists[path] ?? [],
  };
}

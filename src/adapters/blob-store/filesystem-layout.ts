import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { makeDurableFolder } from '../durable-folder.ts';
import { refuseOtherTemplate } from './filesystem-elsewhere.ts';
import { type FileIo, toStoreError } from './filesystem-io.ts';
import { compilePathTemplate, type PathTemplate } from './filesystem-path.ts';
import { ownProcess, PROCESS_PATTERN } from './filesystem-process.ts';

/** The folders of a store beside its blobs. */
const FOLDERS = ['tmp', 'aside', 'leases', 'uploads', 'quarantine'] as const;

/** Where everything of a store lies. */
export interface Layout {
  readonly root: string;
  readonly template: PathTemplate;
  /** Of what is being written. */
  readonly tmp: string;
  /** Of blobs that the sweeper has taken out of their place and has not decided on. */
  readonly aside: string;
  readonly leases: string;
  /** The empty file that leases are names of. */
  readonly lease: string;
  readonly uploads: string;
  readonly quarantine: string;
  blob(hex: string): string;
  /** A new name in `tmp`. */
  temporary(): string;
  /** A new name in `aside` for a blob. */
  asideOf(hex: string): string;
}

/** Makes the folders, durably, and lays out the names. Fails with DEFINITION_INVALID, STORE_FULL, BLOB_STORE_FAILURE. */
export function openLayout(root: string, pathTemplate: string, clock: Clock): Layout {
  const template = compilePathTemplate(pathTemplate, FOLDERS);
  const [tmp, aside, leases, uploads, quarantine] = FOLDERS.map((name) => `${root}/${name}`) as Folders;
  try {
    for (const folder of [tmp, aside, leases, uploads, quarantine]) makeDurableFolder(folder);
    refuseOtherTemplate(root, template, FOLDERS);
  } catch (error) {
    throw toStoreError(error);
  }
  const mark = () => `${clock.now()}.${ownProcess}.${randomUUID()}`;
  return {
    root,
    template,
    tmp,
    aside,
    leases,
    lease: `${root}/.lease`,
    uploads,
    quarantine,
    blob: (hex) => `${root}/${template.path(hex)}`,
    temporary: () => `${tmp}/${mark()}`,
    asideOf: (hex) => `${aside}/${hex}.${mark()}`,
  };
}

type Folders = [string, string, string, string, string];

/** When and by which process a name in `tmp` or `aside` was made, and for which blob (`aside`). */
export interface Marked {
  readonly hex: string | null;
  readonly madeAt: number;
  readonly owner: string;
}

const MARKED = new RegExp(`^(?:([0-9a-f]{64})\\.)?(\\d+)\\.(${PROCESS_PATTERN})\\.[0-9a-f-]{36}$`);

/** Reads a name in `tmp` or `aside`; null for a foreign one. */
export function readMarked(name: string): Marked | null {
  const match = MARKED.exec(name);
  return match === null ? null : { hex: match[1] ?? null, madeAt: Number(match[2]), owner: match[3] ?? '' };
}

/**
 * Makes the names in a folder durable. It is opened and closed at once: one that was just written in is in memory, and to hand over such
 * calls to the thread pool takes ten times as long as they do.
 */
export async function syncFolder(io: FileIo, folder: string): Promise<void> {
  const fd = io.openFolderNow(folder);
  try {
    await io.fsync(fd);
  } finally {
    io.closeNow(fd);
  }
}

/** Makes blob folders below the root when they are needed first, each durable in the folder above it. */
export interface FolderMaker {
  ensure(folder: string): Promise<void>;
  /** To be called when a folder turns out to be gone. */
  forget(): void;
}

export function createFolderMaker(io: FileIo, root: string): FolderMaker {
  const durable = new Set<string>([root]);
  return {
    async ensure(folder) {
      if (durable.has(folder)) return;
      await io.mkdir(folder);
      const made: string[] = [];
      for (let at = folder; !durable.has(at); at = dirname(at)) {
        await syncFolder(io, dirname(at));
        made.push(at);
      }
      for (const name of made) durable.add(name);
    },
    forget() {
      durable.clear();
      durable.add(root);
    },
  };
}

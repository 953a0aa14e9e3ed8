import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder with all that are missing above it, so that they are still there after power loss: a new name lasts once the folder
 * that holds it was synced. Nothing where it exists. Takes an absolute path. Fails with the system's error.
 */
export function makeDurableFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) syncFolderNow(dirname(at));
}

/** Makes the names in a folder durable, at once. */
export function syncFolderNow(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

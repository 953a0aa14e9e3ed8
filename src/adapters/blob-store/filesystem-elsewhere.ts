import { opendirSync } from 'node:fs';
import { fail } from '../../errors/registry-error.ts';
import type { PathTemplate } from './filesystem-path.ts';

/** Folders that are looked into before it is believed that there are no blobs. */
const MOST_FOLDERS = 300;

/**
 * Fails with DEFINITION_INVALID where the folder has blobs that lie by another template: they would not be found, as if they had been lost. One
 * blob tells. `others` are the folders of the store that have no blobs.
 */
export function refuseOtherTemplate(root: string, template: PathTemplate, others: readonly string[]): void {
  const path = someBlob(root, others);
  const hex = path === null ? undefined : path.match(/[0-9a-f]{64}/g)?.at(-1);
  if (path === null || hex === undefined || template.path(hex) === path) return;
  fail(
    'DEFINITION_INVALID',
    `The blobs in ${root} lie by another path_template: "${template.path(hex)}" is at "${path}". State the one they were stored by, or move them`,
  );
}

/** Path of any blob below the root. */
function someBlob(root: string, others: readonly string[]): string | null {
  const waiting = [''];
  for (let seen = 0; seen < MOST_FOLDERS; seen++) {
    const folder = waiting.pop();
    if (folder === undefined) return null;
    const opened = opendirSync(`${root}/${folder}`);
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isFile() && /[0-9a-f]{64}/.test(path)) return path;
        if (entry.isDirectory() && !(folder === '' && others.includes(entry.name))) waiting.push(path);
      }
    } finally {
      opened.closeSync();
    }
  }
  return null;
}

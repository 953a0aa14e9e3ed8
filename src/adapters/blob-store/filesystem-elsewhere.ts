import { type Dir, opendirSync } from 'node:fs';
import { fail } from '../../errors/registry-error.ts';
import { isErrno } from './filesystem-io.ts';
import type { PathTemplate } from './filesystem-path.ts';

/** Folders that are looked into before it is believed that there are no blobs. */
const MOST_FOLDERS = 300;

/**
 * Fails with DEFINITION_INVALID where the folder has blobs that lie by another template, and none that lies by this one: they would not be
 * found, as if they had been lost. `others` are the folders of the store that have no blobs.
 */
export function refuseOtherTemplate(root: string, template: PathTemplate, others: readonly string[]): void {
  const strange = strangeBlob(root, template, others);
  if (strange === null) return;
  fail(
    'DEFINITION_INVALID',
    `The blobs in ${root} lie by another path_template: "${template.path(strange.hex)}" is at "${strange.path}". State the one they were stored by, or move them`,
  );
}

/** A blob that is not where the template has it; null where there is none, or where another one is in its place. */
function strangeBlob(
  root: string,
  template: PathTemplate,
  others: readonly string[],
): { readonly path: string; readonly hex: string } | null {
  const waiting = [''];
  let strange: { readonly path: string; readonly hex: string } | null = null;
  for (let seen = 0; seen < MOST_FOLDERS; seen++) {
    const folder = waiting.pop();
    if (folder === undefined) break;
    const opened = openFolder(`${root}/${folder}`, folder === '');
    if (opened === null) continue;
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
        if (entry.name.startsWith('.')) continue;
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory() && !(folder === '' && others.includes(entry.name))) waiting.push(path);
        const found = entry.isFile() ? digestsIn(path) : [];
        if (found.some((hex) => template.path(hex) === path)) return null;
        const hex = found.at(-1);
        if (hex === undefined) continue;
        strange ??= { path, hex };
        break;
      }
    } finally {
      opened.closeSync();
    }
  }
  return strange;
}

/** What may be a digest in a path; other hex digits may stand beside it. */
function digestsIn(path: string): readonly string[] {
  return [...path.matchAll(/(?=([0-9a-f]{64}))/g)].map(([, hex = '']) => hex);
}

/** Null for a folder below the root that is not ours to read, such as `lost+found`, or that is gone by now. */
function openFolder(path: string, isRoot: boolean): Dir | null {
  try {
    return opendirSync(path);
  } catch (error) {
    if (!isRoot && ['EACCES', 'EPERM', 'ENOENT'].some((code) => isErrno(error, code))) return null;
    throw error;
  }
}

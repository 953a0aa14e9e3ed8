import { invalid, shown } from './entry.ts';

/** Longest name that an entry may have, in UTF-16 units. */
const MAX_NAME = 4096;

/** The segments of an entry's name, without empty ones and `.`. Fails with ARCHIVE_INVALID where unpacking it could reach outside of a folder. */
export function segmentsOf(name: string): readonly string[] {
  if (name === '') invalid('an entry has no name');
  if (name.length > MAX_NAME) invalid(`a name is longer than ${MAX_NAME} characters, ${shown(name)}`);
  if (name.includes('\0')) invalid(`the name ${shown(name)} holds a NUL`);
  if (name.includes('\\')) invalid(`the name ${shown(name)} holds a backslash`);
  if (isAbsolute(name)) invalid(`the name ${shown(name)} is an absolute path`);
  const segments = partsOf(name);
  if (segments.includes('..')) invalid(`the name ${shown(name)} leads out of the archive`);
  return segments;
}

/** Whether a link's target lies outside of the archive. `from`: segments of the folder from which it is followed. */
export function leadsOut(target: string, from: readonly string[]): boolean {
  if (isAbsolute(target) || /[\0\\]/.test(target)) return true;
  let depth = from.length;
  for (const segment of partsOf(target)) {
    depth += segment === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}

/** Drive letters, too: they are absolute on the systems that have them. */
function isAbsolute(path: string): boolean {
  return path.startsWith('/') || /^[A-Za-z]:/.test(path);
}

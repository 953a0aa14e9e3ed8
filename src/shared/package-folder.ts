import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

let found: string | null = null;

/**
 * The folder that holds what comes with the package (`operations/`, `schema.json`, `templates/`, `seed_data/`): the next one above this
 * file with a `package.json`, in a checkout and in an installed package.
 */
export function packageFolder(): string {
  found ??= search(import.meta.dirname);
  return found;
}

function search(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error('The files that come with the package are not where it is');
  return search(above);
}

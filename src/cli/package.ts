import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder: this file stands two below it, in a checkout (`src/cli`) and built (`dist/cli`). */
const PACKAGE_FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** The program's version. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return String(version);
}

/** The registry that is meant when none is named: the current folder where it is one, else the one that comes with the package. */
export function defaultRegistry(): string {
  return existsSync('schema.json') ? '.' : PACKAGE_FOLDER;
}

/** The folder of the package: what comes with it (`templates/`, `seed_data/`) stands there. */
export function packageFolder(): string {
  return PACKAGE_FOLDER;
}

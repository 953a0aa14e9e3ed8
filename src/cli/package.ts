import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../shared/package-folder.ts';

/** The program's version. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return String(version);
}

/** The registry that is meant when none is named: the current folder where it is one, else the one that comes with the package. */
export function defaultRegistry(): string {
  return existsSync('schema.json') ? '.' : packageFolder();
}

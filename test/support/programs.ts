import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is, or null when it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Services and programs that tests need must be there (CI): what is missing is a failure, not a skip. */
export const SERVICES_REQUIRED = process.env.REQUIRE_SERVICES === '1';

/**
 * Sees to a program that tests need and npm does not bring. What is missing is installed where that is expected of us: in CI, as root,
 * where there is apt-get. Fails when it is required and cannot be had; otherwise the tests that need it skip and say why.
 */
export function requireProgram(name: string, aptPackage: string): void {
  if (findProgram(name) !== null || !SERVICES_REQUIRED) return;
  if (process.getuid?.() === 0 && findProgram('apt-get') !== null) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', aptPackage], { env, stdio: 'inherit' });
  }
  if (findProgram(name) === null) throw new Error(`Tests need ${name} (package ${aptPackage}), which is not installed`);
}

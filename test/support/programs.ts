import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is, or null when it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return null;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Services and programs that tests need must be there (CI): what is missing is a failure, not a skip. */
export const SERVICES_REQUIRED = process.env.REQUIRE_SERVICES === '1';

/**
 * Sees to a program that tests need and npm does not bring; `find` says where it is or that it is not there. What is missing is installed
 * where that is expected of us: in CI, as root, where there is apt-get. Fails when it is required and cannot be had; otherwise the tests
 * that need it skip and say why.
 */
export function requireProgram(name: string, aptPackage: string, find = () => findProgram(name)): void {
  if (find() !== null || !SERVICES_REQUIRED) return;
  if (process.getuid?.() === 0 && findProgram('apt-get') !== null) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', aptPackage], { env, stdio: 'inherit' });
  }
  if (find() === null) throw new Error(`Tests need ${name} (package ${aptPackage}), which is not installed`);
}

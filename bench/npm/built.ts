import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../test/support/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The path of the program as its users have it: packed, which builds it, and unpacked in a folder, beside this checkout's dependencies. */
export async function buildPackage(folder: string): Promise<string> {
  await run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', String(tarball)], folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'package/node_modules'));
  return join(folder, 'package/bin/entrepot');
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram(program, args, { cwd });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
}

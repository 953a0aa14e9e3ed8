import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';
import { filesBelow, ROOT } from '../house/source-files.ts';
import { cleanEnvironment, findPostgres } from './postgres.ts';
import { offerPostgres } from './postgres-offer.ts';
import { requireProgram } from './programs.ts';

/** Runs once before all tests; what it returns, after them. */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  requireProgram('strace', 'strace');
  requireProgram('openssl', 'openssl');
  // Debian's package may start a server of its own, on a port of its own; nothing here asks for it.
  requireProgram('postgres', 'postgresql', findPostgres);
  forgetOtherServers();
  keepCompiledCode();
  const { offer, close } = await offerPostgres();
  provide('postgres', offer);
  return close;
}

/** Tests, and programs that they start, know the servers that they are told of, and not the one that this user works with. */
function forgetOtherServers(): void {
  const clean = cleanEnvironment();
  for (const name of Object.keys(process.env)) if (!(name in clean)) delete process.env[name];
}

/**
 * Node strips types with WebAssembly, and V8 of Node 24 cannot have it in several threads at once: when they compile or free wrappers of the same
 * imports, the process ends by SIGTRAP or SIGSEGV (`Runtime_TierUpWasmToJSWrapper`, `WasmImportWrapperCache::Free`). What is in Node's compile
 * cache is stripped already. So all that threads run is put there by a process that has one thread.
 */
function keepCompiledCode(): void {
  process.env.NODE_COMPILE_CACHE = join(ROOT, 'node_modules/.cache/entrepot-tests');
  const threads = filesBelow('src', '-thread.ts');
  const script = `for (const url of ${JSON.stringify(threads.map((file) => pathToFileURL(join(ROOT, file)).href))}) {
    await import(url).catch((error) => { if (error.message !== 'This module runs as a worker thread') throw error; });
  }`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'ignore', 'inherit'] });
}

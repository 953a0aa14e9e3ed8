import type { TestProject } from 'vitest/node';
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
  const { offer, close } = await offerPostgres();
  provide('postgres', offer);
  return close;
}

/** Tests, and programs that they start, know the servers that they are told of, and not the one that this user works with. */
function forgetOtherServers(): void {
  const clean = cleanEnvironment();
  for (const name of Object.keys(process.env)) if (!(name in clean)) delete process.env[name];
}

import { RegistryError } from '../errors/registry-error.ts';
import type { CommandContext } from './command.ts';

/** What commands write to and see of this process. */
export function processContext(): CommandContext {
  // Whoever reads the output may stop before its end, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
    colours: process.stdout.isTTY === true && !process.env.NO_COLOR,
  };
}

/** A failure that has a code is told in a sentence; anything else is a fault of the program and shows where it happened. */
export function describeFailure(thrown: unknown): string {
  if (!(thrown instanceof RegistryError)) return thrown instanceof Error ? String(thrown.stack) : String(thrown);
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return `${thrown.code}: ${thrown.message}${cause}`;
}

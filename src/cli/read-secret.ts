import { text } from 'node:stream/consumers';
import { UsageError } from './command.ts';

/** A secret from standard input, so that it stands in no process list and no history; a line end after it is not part of it. Fails with UsageError when there is nothing. */
export async function readSecret(): Promise<string> {
  const secret = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError('Standard input is empty: no password');
  return secret;
}

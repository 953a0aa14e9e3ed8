import { Readable } from 'node:stream';
import { RegistryError } from '../../errors/registry-error.ts';
import { isTimeout } from './http-errors.ts';

/**
 * An upstream's body under a bound, with errors of its own: UPSTREAM_TOO_LARGE, UPSTREAM_TIMEOUT, UPSTREAM_INVALID when it
 * breaks off; the signal's reason when that aborted.
 */
export function boundedBody(body: Readable, maxBytes: number, signal: AbortSignal | undefined): Readable {
  // Errors reach the reader through the generator; before it is read there is nobody to tell.
  body.on('error', () => undefined);
  const bounded = Readable.from(pass(body, maxBytes, signal), { objectMode: false, highWaterMark: 64 * 1024 });
  // The generator alone would end only when the next piece arrives.
  bounded.on('close', () => body.destroy());
  return bounded;
}

async function* pass(body: Readable, maxBytes: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      total += chunk.byteLength;
      if (total > maxBytes) throw new RegistryError('UPSTREAM_TOO_LARGE');
      yield chunk;
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof RegistryError) throw error;
    if (isTimeout(error)) throw new RegistryError('UPSTREAM_TIMEOUT', { cause: error });
    throw new RegistryError('UPSTREAM_INVALID', {
      message: 'The upstream broke off in the middle of its answer',
      cause: error,
    });
  }
}

/** All of a small body as text. */
export async function readText(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of boundedBody(body, maxBytes, undefined)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

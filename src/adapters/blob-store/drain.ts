import { Readable } from 'node:stream';
import { fail } from '../../errors/registry-error.ts';

/**
 * Gives each chunk of a source (or the one that it is) to `take`, one after another: the next is asked for only when `take` is done, so the
 * store sets the pace. Ends the source when `take` fails or the signal aborts; then fails with that error or with the
 * signal's reason. An abort does not wait for a source that hangs.
 */
export async function drain(
  source: AsyncIterable<Uint8Array> | Uint8Array,
  signal: AbortSignal | undefined,
  take: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  if (source instanceof Uint8Array) {
    signal?.throwIfAborted();
    if (source.byteLength > 0) await take(source);
    return;
  }
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const next = iterator.next();
      // A source that fails has ended by itself.
      const step = await (signal === undefined ? next : orAbort(next, signal)).catch((error: unknown) => {
        ended = !signal?.aborted;
        throw error;
      });
      if (step.done === true) {
        ended = true;
        return;
      }
      if (!(step.value instanceof Uint8Array)) fail('VALUE_INVALID', 'The source gave something that is not bytes');
      if (step.value.byteLength > 0) await take(step.value);
    }
  } finally {
    if (!ended) abandon(source, iterator);
  }
}

function abandon(source: AsyncIterable<Uint8Array>, iterator: AsyncIterator<Uint8Array>): void {
  // A generator that waits for its own source would answer `return` only after that; nobody waits for it here.
  iterator.return?.().then(undefined, () => undefined);
  if (source instanceof Readable) source.destroy();
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { letGo } from '../shared/passing-bytes.ts';

export interface PumpEvents {
  /** Just before the first byte (or the end of an empty body): writes the head. What it throws counts as a failure before it. */
  begin(): void;
  /** All is handed to the connection; ending the response is up to the caller. */
  sent(): void;
  /** The body failed. When `begin` was called, the connection is destroyed. */
  broken(cause: unknown): void;
}

/**
 * Sends a stream as the body of a response; the client sets the pace. Whatever goes wrong after the first byte - the source fails, or
 * has other than `declared` bytes - destroys the connection, because that is the only way left to tell the client that the body is not
 * whole. A client that leaves destroys the source; then neither `sent` nor `broken` is called.
 */
export function pump(source: Readable, outgoing: ServerResponse, declared: number | null, events: PumpEvents): void {
  let bytes = 0;
  let begun = false;
  let over = false;
  const stop = (cause: unknown) => {
    if (over) return;
    over = true;
    source.destroy();
    outgoing.off('close', abandon);
    if (begun) outgoing.destroy();
    events.broken(cause);
  };
  const begin = () => {
    if (begun) return true;
    try {
      events.begin();
      begun = true;
    } catch (cause) {
      stop(cause);
    }
    return begun;
  };
  const abandon = () => {
    over = true;
    source.destroy();
  };
  source.on('data', (chunk: Uint8Array | string) => {
    if (over || !begin()) return;
    const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    bytes += data.byteLength;
    if (declared !== null && bytes > declared) stop(new Error(`A body of ${declared} bytes has more than that`));
    else if (!outgoing.write(data, () => letGo(data))) source.pause();
  });
  source.on('end', () => {
    if (over || !begin()) return;
    if (declared !== null && bytes < declared) {
      stop(new Error(`A body of ${declared} bytes ended after ${bytes}`));
      return;
    }
    over = true;
    outgoing.off('close', abandon);
    events.sent();
  });
  source.on('error', stop);
  // A stream that is destroyed without an error says nothing else.
  source.on('close', () => stop(new Error('A body was abandoned')));
  outgoing.on('drain', () => source.resume());
  outgoing.on('close', abandon);
}

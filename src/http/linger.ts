import type { IncomingMessage } from 'node:http';

const IDLE_MS = 5_000;
const TOTAL_MS = 30_000;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads and drops what a client still sends of a body that nobody wants, then calls `done` once: when the body ends, the connection
 * breaks, or a bound is reached (5 s without a byte, 30 s, 256 MiB). Closing a connection with unread bytes makes the system send a
 * reset, and a reset takes away the answer from a client that has not read it yet (RFC 9112, 9.6).
 */
export function drain(incoming: IncomingMessage, done: () => void): void {
  if (incoming.complete || incoming.destroyed) {
    done();
    return;
  }
  let bytes = 0;
  const finish = () => {
    clearTimeout(idle);
    clearTimeout(total);
    incoming.off('data', count);
    incoming.off('end', finish);
    incoming.off('close', finish);
    incoming.off('error', finish);
    done();
  };
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    idle.refresh();
    if (bytes > MAX_BYTES) finish();
  };
  const idle = setTimeout(finish, IDLE_MS);
  const total = setTimeout(finish, TOTAL_MS);
  incoming.on('data', count);
  incoming.on('end', finish);
  incoming.on('close', finish);
  incoming.on('error', finish);
  incoming.resume();
}

import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/** Requests come first. */
const AFTER_MS = 5000;

/**
 * What a server does once it has started. What Node compiled is kept for the next start, and not only at the end: this process may be killed one
 * day. From then on the heap may double before all of it is collected. V8 would go by how fast it grows, which is slowly, and collect after each
 * tenth: once in some 300 writes. Not before: V8 refuses what was compiled under other options, its own part of Node too, and the next start would
 * compile it all.
 */
export function settleIn(): void {
  setTimeout(() => {
    flushCompileCache();
    setFlagsFromString('--heap-growing-percent=100');
  }, AFTER_MS).unref();
}

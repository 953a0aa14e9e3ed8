import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/** Requests come first. */
const AFTER_MS = 5000;

/**
 * What Node compiled is kept for the next start soon, too, and not only at the end: this process may be killed one day. From then on the heap may
 * double before all of it is collected. V8 would go by how fast it grows, which is slowly, and collect after each tenth: once in some 300 writes.
 * Not before: what is compiled under other options than it is kept under, V8 takes for spoilt, its own part of Node too, so that a start takes longer.
 */
export function keepCompiled(): void {
  setTimeout(() => {
    flushCompileCache();
    setFlagsFromString('--heap-growing-percent=100');
  }, AFTER_MS).unref();
}

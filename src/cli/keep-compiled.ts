import { flushCompileCache } from 'node:module';

/** Requests come first. */
const AFTER_MS = 5000;

/** What Node compiled is kept for the next start soon, too, and not only at the end: this process may be killed one day. */
export function keepCompiled(): void {
  setTimeout(() => flushCompileCache(), AFTER_MS).unref();
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import { findPostgres, type PostgresServer, startPostgres } from './postgres.ts';

/** How tests come by the server that they share. */
export interface PostgresOffer {
  /** Where to ask for its URL, which starts it; null where there is none. */
  readonly askAt: string | null;
  /** Why there is none. */
  readonly missing: string | null;
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly postgres: PostgresOffer;
  }
}

/** It lives for one run of the tests: durability would only cost time. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: 300 };

/**
 * Offers one PostgreSQL server to all tests of a run. It is started when the first test asks, so that a run of tests that need none does
 * not wait for it. `close` ends it.
 */
export async function offerPostgres(): Promise<{ readonly offer: PostgresOffer; readonly close: () => Promise<void> }> {
  if (findPostgres() === null) {
    return { offer: { askAt: null, missing: 'PostgreSQL is not installed' }, close: async () => {} };
  }
  let started: Promise<PostgresServer> | null = null;
  const desk = createServer((_, answer) => {
    started ??= startPostgres({ settings: SETTINGS });
    started.then(
      ({ url }) => answer.end(url),
      (error) => answer.writeHead(500).end(String(error)),
    );
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  const address = desk.address();
  if (address === null || typeof address === 'string') throw new Error('A server on a port has a port');
  return {
    offer: { askAt: `http://127.0.0.1:${address.port}/`, missing: null },
    async close() {
      desk.close();
      desk.closeAllConnections();
      // Whoever asked was told why it did not start.
      const server = await started?.catch(() => null);
      await server?.remove();
    },
  };
}

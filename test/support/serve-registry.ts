import { onTestFinished } from 'vitest';
import { type RunningServer, startServer } from '../../src/http/server.ts';
import type { Registry } from '../../src/main.ts';

/** Serves a registry of this process over real HTTP on a free port until the test ends, or until it is closed. */
export async function serveRegistry(registry: Registry): Promise<RunningServer> {
  const quiet = { warn: () => {}, error: () => {} };
  const server = await startServer({ registry, host: '127.0.0.1', port: 0, baseUrl: null, version: '0', log: quiet });
  onTestFinished(() => server.close(0));
  return server;
}

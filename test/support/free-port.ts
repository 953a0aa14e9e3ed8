import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems hand out to connections, so that nobody takes one while its server is down for a moment. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A loopback port that nothing listens on, for a server that is to come back on the same one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

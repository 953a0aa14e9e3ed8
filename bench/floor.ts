import { createServer, type Server } from 'node:http';
import { type HttpBindings, serve } from '@hono/node-server';
import { Hono } from 'hono';

/*
 * What no server on this machine goes below: a constant of 300 bytes, by node:http or by Hono. Shows that the load generator has room
 * above everything that is measured. Argument: `node` or `hono`.
 */

const BODY = JSON.stringify({ constant: 'x'.repeat(284) });
const HEADERS = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };

function listening(port: number): void {
  console.log(`Listening on http://127.0.0.1:${port}`);
}

function plain(): { close(): void } {
  const flat = [...Object.entries(HEADERS).flat(), 'Content-Length', String(BODY.length)];
  const server: Server = createServer((_, response) => {
    response.writeHead(200, flat);
    response.end(BODY);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') listening(address.port);
  });
  return server;
}

function hono(): { close(): void } {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/v1/:namespace/:name/latest', (c) => c.body(BODY, 200, HEADERS));
  return serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => listening(port));
}

const server = process.argv[2] === 'hono' ? hono() : plain();
process.once('SIGTERM', () => {
  server.close();
  if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections();
});

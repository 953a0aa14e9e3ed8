import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type HttpBindings, serve } from '@hono/node-server';
import { Hono } from 'hono';

/*
 * What no server on this machine goes below: a constant of 300 bytes, by node:http or by Hono, and by node:http as many bytes as the path says
 * (`/bytes/1000`) and an upload that is thrown away. Shows that the load generator has room above everything that is measured. Argument:
 * `node` or `hono`.
 */

const BODY = JSON.stringify({ constant: 'x'.repeat(284) });
const HEADERS = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };

function listening(port: number): void {
  console.log(`Listening on http://127.0.0.1:${port}`);
}

const PIECE = Buffer.alloc(256 * 1024, 'constant');

function plain(): { close(): void } {
  const flat = [...Object.entries(HEADERS).flat(), 'Content-Length', String(BODY.length)];
  const server: Server = createServer((request, response) => {
    if (request.method === 'PUT') return take(request, response);
    const [, bytes] = /^\/bytes\/(\d{1,12})$/.exec(request.url ?? '') ?? [];
    if (bytes !== undefined) return give(Number(bytes), response);
    response.writeHead(200, flat);
    response.end(BODY);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') listening(address.port);
  });
  return server;
}

function give(bytes: number, response: ServerResponse): void {
  response.writeHead(200, ['Content-Type', 'application/octet-stream', 'Content-Length', String(bytes)]);
  let left = bytes;
  const go = () => {
    for (let hasRoom = true; hasRoom && left > 0; ) {
      const piece = left < PIECE.byteLength ? PIECE.subarray(0, left) : PIECE;
      left -= piece.byteLength;
      hasRoom = response.write(piece);
    }
    if (left === 0) response.end();
    else response.once('drain', go);
  };
  go();
}

function take(request: IncomingMessage, response: ServerResponse): void {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
  });
  request.on('end', () => {
    const body = JSON.stringify({ size });
    response.writeHead(201, ['Content-Type', 'application/json', 'Content-Length', String(body.length)]);
    response.end(body);
  });
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

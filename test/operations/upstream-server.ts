import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '../../src/definition/types.ts';
import { object } from './example-registry.ts';
import { bytesOf } from './run-example.ts';

/** A real server on loopback that gives the answers of an example, in order, the last one again and again. */
export async function startUpstream(answers: Json): Promise<{ readonly url: string; close(): Promise<void> }> {
  const list = answers as readonly Json[];
  let served = 0;
  const server = createServer((request, response) => {
    const answer = object(list[Math.min(served++, list.length - 1)]);
    const body =
      answer.echo === true
        ? Buffer.from(JSON.stringify({ method: request.method, url: request.url }))
        : bytesOf(answer.body ?? '');
    const headers = Object.entries(object(answer.headers)).map(([name, value]) => [name, String(value)]);
    response.writeHead(Number(answer.status ?? 200), { ...Object.fromEntries(headers), 'content-length': body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

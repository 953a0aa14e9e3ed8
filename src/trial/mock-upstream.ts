import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Json, JsonObject } from '../definition/types.ts';
import { bytesOf, object } from './contents.ts';

export interface MockUpstream {
  readonly url: string;
  /** What it was asked, in order, as `GET /path`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/**
 * A real server on loopback. It gives the answers in order, the last one again and again; an answer with a `path` counts for requests
 * of that path only. An answer has `status`, `headers`, `body` (content), `echo` (the request as JSON), or `cut` (the connection breaks
 * before the body's end). Where no answer counts: 404.
 */
export async function startMockUpstream(answers: readonly Json[]): Promise<MockUpstream> {
  const requests: string[] = [];
  const served = new Map<JsonObject, number>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const fitting = answers.map(object).filter(({ path }) => path === undefined || path === request.url);
    const answer = fitting.find((candidate) => !served.has(candidate)) ?? fitting.at(-1);
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    served.set(answer, (served.get(answer) ?? 0) + 1);
    send(answer, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The mock upstream has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function send(answer: JsonObject, request: IncomingMessage, response: ServerResponse): void {
  const body =
    answer.echo === true
      ? Buffer.from(JSON.stringify({ method: request.method, url: request.url }))
      : bytesOf(answer.body ?? '');
  const headers = Object.entries(object(answer.headers)).map(([name, value]) => [name, String(value)]);
  const cut = answer.cut === true;
  response.writeHead(Number(answer.status ?? 200), {
    ...Object.fromEntries(headers),
    'content-length': cut ? body.length + 1 : body.length,
  });
  if (cut) response.write(body, () => response.destroy());
  else response.end(body);
}

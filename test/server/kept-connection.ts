import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One connection that is kept, so that all requests on it reach the same process. */
export interface KeptConnection {
  send(
    method: string,
    path: string,
    options?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array },
  ): Promise<Answer>;
}

/** Opened by its first request, and closed when the test ends. Fails where the connection is another than before. */
export function keepConnection(url: string): KeptConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  let port: number | undefined;
  return {
    async send(method, path, { headers = {}, body } = {}) {
      const outgoing = request(`${url}${path}`, { method, agent, headers });
      outgoing.end(body);
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      const { localPort } = incoming.socket;
      port ??= localPort;
      if (port !== localPort) throw new Error('The server closed the connection');
      let text = '';
      for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
      return { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
    },
  };
}

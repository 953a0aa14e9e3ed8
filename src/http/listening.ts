import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How connections come to a server. */
export interface Listening {
  /** Where clients find it. */
  readonly url: string;
  readonly port: number;
  /** Resolves when no more connections come and none is left. The server closes those that are idle, and who calls the others. */
  close(): Promise<void>;
}

/** Connections that another process accepted. */
export interface HandedConnections {
  readonly url: string;
  readonly port: number;
  /** Hears of each connection, those that came before included. */
  receive(take: (socket: Socket) => void): void;
}

/** Listens on an address of this machine; port 0 takes one that is free. Rejects with the system's error when it cannot be had. */
export async function listenOn(server: Server, host: string, port: number): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  const taken = bound !== null && typeof bound === 'object' ? bound.port : port;
  return {
    url: urlOf(host, taken),
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

/** Takes connections that another process accepted. */
export function listenToHanded(server: Server, { url, port, receive }: HandedConnections): Listening {
  const open = new Set<Socket>();
  let closed: (() => void) | null = null;
  // Node looks after the connections of a server, and ends those that send nothing, from when it listens.
  server.emit('listening');
  receive((socket) => {
    open.add(socket);
    // As on connections that a server of HTTP accepts itself: a client may end its side before the answer.
    socket.allowHalfOpen = true;
    socket.once('close', () => {
      open.delete(socket);
      if (open.size === 0) closed?.();
    });
    server.emit('connection', socket);
  });
  return {
    url,
    port,
    close: () =>
      new Promise((resolve) => {
        closed = resolve;
        server.close();
        if (open.size === 0) resolve();
      }),
  };
}

/** The address of a server as a URL without a path. */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

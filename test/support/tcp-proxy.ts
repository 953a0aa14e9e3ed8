import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

export type Direction = 'to-server' | 'to-client';

/** A network between clients and a server that a test can break and mend. */
export interface TcpProxy {
  /** On loopback; clients connect here. */
  readonly port: number;
  /** How many there are now. */
  connections(): number;
  /** Cuts all connections that there are now; both sides hear of it at once. */
  cutAll(): void;
  /** New connections are refused, as when nothing listens there. Those that there are stay. */
  refuse(): Promise<void>;
  /** Takes new connections again. */
  accept(): Promise<void>;
  /** Lets nothing through in one direction, the end of a connection neither, and tells nobody; new connections are taken, and held, too. */
  hold(direction: Direction): void;
  /** Lets what was held, and all that comes, through. */
  release(direction: Direction): void;
  /** Cuts everything and is gone. Idempotent. */
  close(): Promise<void>;
}

/** One connection, for whoever decides what passes. */
export interface ProxiedConnection {
  send(direction: Direction, bytes: Buffer): void;
  /** Cuts both sides. */
  cut(): void;
  /** Cuts the client's side; the server does not hear of it. */
  cutClient(): void;
}

/** Gets what came from one side in place of the other side; passes on what it likes by `send`. */
export type Receive = (direction: Direction, bytes: Buffer) => void;

export interface TcpProxyOptions {
  /** The server's port, on loopback. */
  readonly serverPort: number;
  /** Called for each connection; by default everything passes. */
  readonly intercept?: (connection: ProxiedConnection) => Receive;
}

interface Sides {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startTcpProxy({ serverPort, intercept = passAll }: TcpProxyOptions): Promise<TcpProxy> {
  const port = await freePort();
  const connections = new Set<Sides>();
  const held = new Set<Direction>();
  let listener: Server | null = null;

  function take(client: Socket): void {
    const server = connect(serverPort, '127.0.0.1');
    const sides = { client, server };
    connections.add(sides);
    client.setNoDelay();
    server.setNoDelay();
    const receive = intercept({
      send: (direction, bytes) => void (direction === 'to-server' ? server : client).write(bytes),
      cut: () => cut(sides),
      cutClient() {
        // Forgotten, its end is not passed on.
        connections.delete(sides);
        client.resetAndDestroy();
      },
    });
    join(client, server, (bytes) => receive('to-server', bytes));
    join(server, client, (bytes) => receive('to-client', bytes));
    for (const side of [client, server]) side.once('close', () => connections.delete(sides) && cut(sides));
    for (const direction of held) sourceOf(direction, sides).pause();
  }

  const accept = async () => {
    if (listener !== null) return;
    listener = createServer(take).listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };
  const refuse = async () => {
    listener?.close();
    listener = null;
  };
  const cutAll = () => {
    for (const sides of connections) cut(sides);
  };
  await accept();
  return {
    port,
    connections: () => connections.size,
    cutAll,
    refuse,
    accept,
    hold(direction) {
      held.add(direction);
      for (const sides of connections) sourceOf(direction, sides).pause();
    },
    release(direction) {
      held.delete(direction);
      for (const sides of connections) sourceOf(direction, sides).resume();
    },
    async close() {
      await refuse();
      cutAll();
    },
  };
}

const passAll =
  ({ send }: ProxiedConnection): Receive =>
  (direction, bytes) =>
    send(direction, bytes);

const sourceOf = (direction: Direction, { client, server }: Sides) => (direction === 'to-server' ? client : server);

function join(source: Socket, target: Socket, receive: (bytes: Buffer) => void): void {
  source.on('data', receive);
  source.on('end', () => target.end());
  // It closes, too, which is what is acted upon.
  source.on('error', () => {});
}

/** Resets, so that whoever waits hears of it as an error and not as a polite end. */
function cut({ client, server }: Sides): void {
  for (const side of [client, server]) if (!side.destroyed) side.resetAndDestroy();
}

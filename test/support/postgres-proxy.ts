import { createMessageReader, type Message, SYNC, textsOf } from './postgres-messages.ts';
import { type Direction, type ProxiedConnection, type Receive, startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/**
 * When the connection of a client that commits is cut: `before` its COMMIT reaches the server, `after` the server has done it and before
 * its answer reaches the client, or such that the client hears of it at once and the server gets the COMMIT `late`. `silent`: the server
 * has done it, and the client hears nothing from then on, not even that it was cut.
 */
export type Cut = 'before' | 'after' | 'late' | 'silent';

/** A network in front of a PostgreSQL server which understands what passes. Connections must not be encrypted. */
export interface PostgresProxy extends TcpProxy {
  /** Of the server, as clients reach it through here. */
  readonly url: string;
  /** Cuts the connection of whoever commits next. Resolves when it is cut and the server has done what it will. */
  cutNextCommit(when: Cut): Promise<void>;
}

const LATE_MS = 200;
const COMMIT = /(^|;)\s*commit(\s+(work|transaction))?\s*;?\s*$/i;

interface Order {
  readonly when: Cut;
  readonly done: () => void;
}

/** `url`: of the server. */
export async function startPostgresProxy(url: string): Promise<PostgresProxy> {
  const orders: Order[] = [];
  const proxied = new URL(url);
  const intercept = (connection: ProxiedConnection) => interceptCommits(connection, () => orders.shift() ?? null);
  const proxy = await startTcpProxy({ serverPort: Number(proxied.port), intercept });
  proxied.port = String(proxy.port);
  return {
    ...proxy,
    url: proxied.href,
    cutNextCommit: (when) => new Promise((done) => orders.push({ when, done })),
  };
}

/** Passes everything until there is an order when a COMMIT comes. */
function interceptCommits(connection: ProxiedConnection, takeOrder: () => Order | null): Receive {
  const isCommit = createCommitDetector();
  const fromClient = createMessageReader(false);
  const fromServer = createMessageReader(true);
  /** Of which the server says each time that it is ready for more. */
  let asked = 0;
  let answered = 0;
  let order: Order | null = null;
  /** Number of the answer to the COMMIT. */
  let awaited = Number.POSITIVE_INFINITY;

  /** Returns whether the message is passed on. */
  function client(message: Message): boolean {
    const isAsking = ['startup', 'Q', 'S', 'F'].includes(message.type);
    if (isAsking) asked += 1;
    if (message.type === 'encryption') fromServer.expectByte();
    if (order !== null || !isCommit(message)) return order === null || reaches(order.when);
    order = takeOrder();
    if (order === null) return true;
    awaited = isAsking ? asked : asked + 1;
    if (order.when === 'before') {
      connection.cut();
      order.done();
    } else if (order.when === 'late') {
      connection.cutClient();
      const late = isAsking ? message.bytes : Buffer.concat([message.bytes, SYNC]);
      setTimeout(() => connection.send('to-server', late), LATE_MS);
    }
    return reaches(order.when);
  }

  function server({ type }: Message): boolean {
    const isOfCommit = answered + 1 >= awaited;
    if (type === 'Z') answered += 1;
    if (answered >= awaited) {
      if (order?.when !== 'silent') connection.cut();
      order?.done();
    }
    return !isOfCommit;
  }

  return (direction: Direction, bytes: Buffer) => {
    const passing =
      direction === 'to-server' ? fromClient.read(bytes).filter(client) : fromServer.read(bytes).filter(server);
    if (passing.length > 0) connection.send(direction, Buffer.concat(passing.map((message) => message.bytes)));
  };
}

/** Whether the server gets the COMMIT as the client sends it. */
const reaches = (when: Cut) => when === 'after' || when === 'silent';

/** Says of each message of one client whether it makes the server commit: as a query, or as a statement prepared before. */
function createCommitDetector(): (message: Message) => boolean {
  const statements = new Map<string, string>();
  const portals = new Map<string, string>();
  return (message) => {
    const [first = '', second = ''] = textsOf(message, 2);
    switch (message.type) {
      case 'Q':
        return COMMIT.test(first);
      case 'P':
        statements.set(first, second);
        return false;
      case 'B':
        portals.set(first, statements.get(second) ?? '');
        return false;
      case 'E':
        return COMMIT.test(portals.get(first) ?? '');
      default:
        return false;
    }
  };
}

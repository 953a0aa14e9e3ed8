import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** With chunks put together; whole as far as it came. */
  readonly body: Buffer;
  /** Everything that came, as it came. */
  readonly bytes: Buffer;
}

/** A bare connection, for requests that no HTTP client would send. */
export interface RawConnection {
  readonly socket: Socket;
  send(data: string | Uint8Array): void;
  /** Resolves when `enough` holds of all that came so far, or the connection ended. Fails after ten seconds. */
  received(enough: (bytes: Buffer) => boolean): Promise<Buffer>;
  /** Resolves with all that came when the other side has closed the connection. Fails after `withinMs` (10 s). */
  ended(withinMs?: number): Promise<Buffer>;
  close(): void;
}

export async function openRawConnection(port: number, host = '127.0.0.1'): Promise<RawConnection> {
  const socket = connect(port, host);
  let bytes: Buffer = Buffer.alloc(0);
  let over = false;
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watch of watchers) watch();
  };
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    notify();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    over = true;
    notify();
  });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));

  const until = (holds: () => boolean, withinMs: number) =>
    new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(watch);
        reject(new Error(`Nothing more within ${withinMs} ms after: ${bytes.toString('latin1')}`));
      }, withinMs);
      const watch = () => {
        if (!holds()) return;
        clearTimeout(timer);
        watchers.delete(watch);
        resolve(bytes);
      };
      watchers.add(watch);
      watch();
    });
  return {
    socket,
    send: (data) => void socket.write(data),
    received: (enough) => until(() => over || enough(bytes), 10_000),
    ended: (withinMs = 10_000) => until(() => over, withinMs),
    close: () => socket.destroy(),
  };
}

/** Sends bytes and reads until the server closes; a server that would keep the connection needs `Connection: close` in the request. */
export async function request(port: number, data: string | Uint8Array, withinMs?: number): Promise<RawAnswer> {
  const connection = await openRawConnection(port);
  connection.send(data);
  return parseAnswer(await connection.ended(withinMs));
}

/** The first answer among the bytes, interim ones (1xx) left out. Fails when there is none. */
export function parseAnswer(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) throw new Error(`No HTTP answer: ${bytes.toString('latin1')}`);
  const [line = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1]);
  const rest = bytes.subarray(end + 4);
  if (status >= 100 && status < 200) return parseAnswer(rest);
  const headers: Record<string, string> = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status, headers, body: headers['transfer-encoding'] === 'chunked' ? joinChunks(rest) : rest, bytes };
}

function joinChunks(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = line === -1 ? 0 : Number.parseInt(rest.subarray(0, line).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(rest.subarray(line + 2, line + 2 + size));
    rest = rest.subarray(line + 2 + size + 2);
  }
}

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { residentMib } from './memory.ts';
import type { Subject } from './subjects.ts';

/** What a server has in memory while so many connections are open and say nothing; medians over the rounds. */
export interface ConnectionMemory {
  readonly subject: string;
  readonly connections: number;
  readonly residentMib: number;
}

/** What a server has in memory while so many uploads stand still after so many bytes of each; medians over the rounds. */
export interface UploadMemory {
  readonly subject: string;
  readonly uploads: number;
  /** 0: before they began. */
  readonly sentKibEach: number;
  readonly residentMib: number;
}

/** A server may have so many files open besides its connections. */
const OTHER_FILES = 200;
const OPENED_AT_ONCE = 100;
const SETTLE_MS = 1000;
/** What an upload says that it has. */
const DECLARED_BYTES = 64 * 1_048_576;

/** Those of the numbers of connections for which this machine gives a process enough files. */
export function possibleConnections(counts: readonly number[]): readonly number[] {
  const [, most] = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return most === undefined ? counts : counts.filter((count) => count + OTHER_FILES < Number(most));
}

/** Requests of one path on connections that stay open. */
export interface Connecting {
  readonly path: string;
  /** Ascending. */
  readonly counts: readonly number[];
  /** Requests before anything is measured: until then a server runs code that is not compiled yet, and its heap grows. */
  readonly warmUpRequests: number;
}

/**
 * Opens connections, makes one request on each and leaves them open. Returns MiB for each of the counts; throws where one is closed or answers
 * wrongly.
 */
export async function whileConnected(
  subject: Subject,
  { path, counts, warmUpRequests }: Connecting,
): Promise<readonly number[]> {
  const sockets: Socket[] = [];
  const figures: number[] = [];
  try {
    await warmUp(subject, path, warmUpRequests);
    for (const count of counts) {
      while (sockets.length < count) {
        const some = Math.min(OPENED_AT_ONCE, count - sockets.length);
        sockets.push(...(await Promise.all(Array.from({ length: some }, () => openIdle(subject, path)))));
      }
      await pause(SETTLE_MS);
      const closed = sockets.filter(({ destroyed }) => destroyed).length;
      if (closed > 0) throw new Error(`${subject.name} closed ${closed} of ${count} connections`);
      figures.push(residentOf(subject));
    }
    return figures;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function openIdle(subject: Subject, path: string): Promise<Socket> {
  const socket = await connected(subject);
  const answered = new Promise<string>((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const [, length] = /^content-length: (\d+)\r$/im.exec(text) ?? [];
      if (end >= 0 && length !== undefined && text.length >= end + 4 + Number(length)) resolve(text);
    });
    socket.once('close', () => reject(new Error(`${subject.name} closed a connection: ${text}`)));
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  const text = await answered;
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`${subject.name} answered ${text.slice(0, 200)}`);
  return socket;
}

/** Begins uploads and lets each stand after as many bytes as `sentKib` says, in turn. Returns MiB before and at each of them. */
export async function whileUploading(
  subject: Subject,
  {
    path,
    uploads,
    sentKib,
  }: { path(upload: number): string; readonly uploads: number; readonly sentKib: readonly number[] },
): Promise<readonly number[]> {
  const sockets: Socket[] = [];
  const heard = { text: '' };
  try {
    await pause(SETTLE_MS);
    const figures = [residentOf(subject)];
    for (let upload = 0; upload < uploads; upload++) {
      const socket = await connected(subject);
      socket.on('data', (chunk: Buffer) => {
        heard.text += chunk.toString('latin1');
      });
      sockets.push(socket);
      const head = [
        `PUT ${path(upload)} HTTP/1.1`,
        'Host: bench',
        `Authorization: ${subject.authorization}`,
        'Content-Type: application/octet-stream',
        `Content-Length: ${DECLARED_BYTES}`,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    }
    let sent = 0;
    for (const kib of sentKib) {
      const piece = Buffer.alloc(64 * 1024, kib);
      for (; sent < kib; sent += 64) await Promise.all(sockets.map((socket) => written(socket, piece)));
      await pause(SETTLE_MS);
      const closed = sockets.filter(({ destroyed }) => destroyed).length;
      if (closed > 0 || heard.text !== '')
        throw new Error(`${subject.name} ended ${closed} uploads: ${heard.text.slice(0, 300)}`);
      figures.push(residentOf(subject));
    }
    return figures;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function connected({ url }: Subject): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  return socket;
}

/** Until the system has taken it all, which it does when the server reads. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function warmUp(subject: Subject, path: string, requests: number): Promise<void> {
  let asked = 0;
  const ask = async () => {
    while (asked++ < requests) await (await fetch(subject.url + path)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 16 }, ask));
  await pause(SETTLE_MS);
}

function residentOf({ pid, name }: Subject): number {
  const mib = residentMib(pid);
  if (mib === null) throw new Error(`This system does not say how much memory ${name} has`);
  return mib;
}

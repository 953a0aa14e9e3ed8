import type { Duplex } from 'node:stream';
import type { EngineErrorCode } from '../errors/codes.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { problemResponse, type ServerLog } from './problem.ts';

// An import of this module would also load what it offers beside HTTP.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

interface Refusal {
  readonly status: number;
  readonly code: EngineErrorCode;
  readonly message: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, code: 'BAD_REQUEST', message: 'The request headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'BAD_REQUEST', message: 'The request did not arrive in time' },
};
const NOT_HTTP: Refusal = { status: 400, code: 'BAD_REQUEST', message: 'The request is not well-formed HTTP' };

const NO_PROXY: Refusal = { status: 400, code: 'BAD_REQUEST', message: 'This server is no proxy' };

/**
 * Answers what the parser could not read as a request, in the shape of any other error, and ends the connection.
 * `answering` tells whether a response is under way on this connection: then nothing may be put between its bytes.
 */
export function refuseMalformed(error: Error, socket: Duplex, answering: boolean, log: ServerLog): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (!socket.writable || code === 'ECONNRESET' || code === 'EPIPE') {
    socket.destroy();
  } else if (answering) {
    // What is written of the response still goes out: it may be the refusal of this very request, by its headers.
    socket.end();
    drop(socket);
  } else {
    refuse(socket, REFUSALS[code] ?? NOT_HTTP, log);
  }
}

/** Answers CONNECT, which asks for a tunnel; Node would close the connection without a word. */
export function refuseTunnel(socket: Duplex, log: ServerLog): void {
  socket.on('error', () => socket.destroy());
  refuse(socket, NO_PROXY, log);
}

function refuse(socket: Duplex, refusal: Refusal, log: ServerLog): void {
  const { status, headers, body } = problemResponse(new RegistryError(refusal.code, refusal), log);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(String(body))}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  drop(socket);
}

/** The parser has given up on this connection; what still comes is dropped, so that closing does not reset the answer away. */
function drop(socket: Duplex): void {
  socket.resume();
  setTimeout(() => socket.destroy(), 1_000).unref();
}

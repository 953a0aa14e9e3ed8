import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { EngineResponse } from '../engine/exchange.ts';
import { drain } from './linger.ts';
import { pump } from './pump.ts';
import type { HttpRequest } from './request.ts';

/** What is left of a body may be read and dropped, and the connection kept, up to this many bytes. */
const KEEP_ALIVE_LEFTOVER_BYTES = 64 * 1024;

/** One request and where its answer goes. `request` is null when the request could not be read. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly request: HttpRequest | null;
  /** The server is closing: the connection is not used again. */
  readonly closing: boolean;
  /** A streamed body failed: before its first byte (nothing is sent yet), or in the middle (the connection is gone by then). */
  onBroken(cause: unknown): void;
}

/**
 * Sends an answer. Throws before anything is sent when a header is not valid, so that another answer can be sent instead.
 * Statuses 204 and 304 and answers to HEAD have no body whatever the response says.
 */
export function sendResponse(exchange: Exchange, response: EngineResponse): void {
  const { incoming, outgoing, request } = exchange;
  const { status, body } = response;
  if (outgoing.destroyed) {
    discard(body);
    return;
  }
  const leftover = leftoverOf(exchange, response.closeConnection);
  const bodiless = incoming.method === 'HEAD' || status === 204 || status === 304;
  const headers: string[] = [];
  let declared: number | null = null;
  for (let at = 0; at < response.headers.length; at++) {
    const header = response.headers[at]!;
    const name = header[0];
    const value = header[1];
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (status === 204) continue;
      declared = Number(value);
    }
    // One that the registry passes on from elsewhere is not this request's.
    if (name.length === 12 && request !== null && name.toLowerCase() === 'x-request-id') continue;
    headers.push(name, value);
  }
  if (declared === null && status !== 204) {
    const length = lengthOf(body);
    if (length !== null && (length > 0 || !bodiless)) headers.push('Content-Length', String(length));
  }
  if (request !== null) headers.push('X-Request-Id', request.requestId);
  headers.push('X-Content-Type-Options', 'nosniff');
  if (exchange.closing || leftover !== 'keep') headers.push('Connection', 'close');

  if (!bodiless && body instanceof Readable) {
    // The head waits for the first byte: a body that cannot even be opened still gets an honest status.
    pump(body, outgoing, declared, {
      begin: () => outgoing.writeHead(status, headers),
      sent: () => finish(exchange, leftover),
      broken: exchange.onBroken,
    });
    return;
  }
  outgoing.writeHead(status, headers);
  if (bodiless || body === null || body instanceof Readable) {
    discard(body);
    if (leftover === 'linger') outgoing.flushHeaders();
    finish(exchange, leftover);
  } else if (leftover === 'linger') {
    outgoing.write(body);
    finish(exchange, leftover);
  } else {
    // In one go, so that a small answer leaves in one packet.
    finish(exchange, leftover, body);
  }
}

/** `keep`: the connection goes on. `close`: it ends at once. `linger`: it ends when the client has stopped sending. */
type Leftover = 'keep' | 'close' | 'linger';

function leftoverOf({ incoming, request }: Exchange, closeConnection: boolean): Leftover {
  // A request that could not be read may hide another in its body.
  if (request === null) return incoming.complete ? 'close' : 'linger';
  if (request.body === null) return closeConnection ? 'close' : 'keep';
  // With a body, what is still to come decides, not what the engine left unread: of that, nothing here is lost.
  if (incoming.complete) return 'keep';
  if (request.awaitsContinue) return 'close';
  if (request.contentLength === null) return 'linger';
  return request.contentLength - request.body.receivedBytes <= KEEP_ALIVE_LEFTOVER_BYTES ? 'keep' : 'linger';
}

function finish({ incoming, outgoing, request }: Exchange, leftover: Leftover, body?: string | Uint8Array): void {
  if (request !== null && request.body !== null) {
    request.body.destroy();
    // What is left of a small body is dropped here; a paused connection would never bring the next request.
    if (leftover === 'keep') incoming.resume();
  }
  if (leftover === 'linger') drain(incoming, () => outgoing.end());
  else if (body === undefined) outgoing.end();
  else outgoing.end(body);
}

/** In bytes; null for a stream. */
function lengthOf(body: EngineResponse['body']): number | null {
  if (body === null) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body instanceof Readable ? null : body.byteLength;
}

function discard(body: EngineResponse['body']): void {
  if (body instanceof Readable) {
    body.on('error', () => {});
    body.destroy();
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EngineRequest } from '../engine/exchange.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { ClientAddress } from './client-address.ts';
import { RequestBody } from './request-body.ts';
import { saneRequestId } from './request-id.ts';

/** What a connection knows about the server it belongs to. */
export interface ServerAddress {
  /** As given with `--base-url`, without a trailing slash; null: taken from each request's Host. */
  readonly baseUrl: string | null;
  readonly clientAddress: ClientAddress;
  /** Stands in where a request names no host. */
  readonly url: string;
  nextRequestId(): string;
}

/** Host or host:port, the host being a name, an IPv4 address or a bracketed IPv6 address (RFC 9110, 7.2). */
const HOST = /^(?:[a-z0-9._~-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/**
 * One request off a connection, in the engine's form. A class because the abort signal is made only when somebody asks for it: it costs
 * more than the rest of this together.
 */
export class HttpRequest implements EngineRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: RequestBody | null;
  readonly contentLength: number | null;
  readonly ip: string;
  readonly requestId: string;
  /** The client sends its body only after `100 Continue`, and that was not sent. */
  get awaitsContinue(): boolean {
    return this.#expectsContinue && this.body?.wanted === false;
  }

  readonly #outgoing: ServerResponse;
  readonly #address: ServerAddress;
  /** Null: it names none. */
  readonly #host: string | null;
  readonly #expectsContinue: boolean;
  #signal: AbortSignal | null = null;

  /** Fails with BAD_REQUEST where HTTP asks for a refusal: no Host or two, an unknown transfer coding, a strange target. */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse, address: ServerAddress, expectsContinue: boolean) {
    this.#outgoing = outgoing;
    this.#address = address;
    this.#expectsContinue = expectsContinue;
    this.method = incoming.method ?? 'GET';
    this.target = originForm(incoming.url ?? '/');
    this.ip = address.clientAddress(incoming);

    const raw = incoming.rawHeaders;
    const headers: (readonly [string, string])[] = [];
    let host: string | null = null;
    let contentLength: number | null = null;
    let chunked = false;
    let requestId: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toLowerCase();
      const value = raw[i + 1]!;
      headers.push([name, value]);
      if (name === 'host') {
        if (host !== null) throw new RegistryError('BAD_REQUEST', { message: 'A request has one Host header' });
        host = value;
      } else if (name === 'content-length') {
        contentLength = Number(value);
      } else if (name === 'x-request-id') {
        requestId = value;
      } else if (name === 'transfer-encoding') {
        if (value.toLowerCase() !== 'chunked') {
          throw new RegistryError('BAD_REQUEST', { message: 'Only the chunked transfer coding is understood' });
        }
        chunked = true;
      }
    }
    this.headers = headers;
    this.contentLength = contentLength;
    this.#host = checkHost(host, incoming);
    this.requestId = saneRequestId(requestId) ?? address.nextRequestId();
    this.body =
      chunked || (contentLength !== null && contentLength > 0)
        ? new RequestBody(incoming, expectsContinue ? () => this.#sendContinue() : null)
        : null;
  }

  get baseUrl(): string {
    const { baseUrl, url } = this.#address;
    return baseUrl ?? (this.#host === null ? url : `http://${this.#host}`);
  }

  get signal(): AbortSignal {
    if (this.#signal === null) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      const outgoing = this.#outgoing;
      // Whatever the abort stops fails with this reason: a client that leaves is no trouble of the registry's own.
      const abort = () => controller.abort(new RegistryError('CLIENT_GONE'));
      if (outgoing.destroyed) abort();
      else outgoing.once('close', () => !outgoing.writableFinished && abort());
    }
    return this.#signal;
  }

  #sendContinue(): void {
    if (!this.#outgoing.headersSent) this.#outgoing.writeContinue();
  }
}

/** The path and query of a request target; proxies may send the whole address (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const prefix = ABSOLUTE_FORM.exec(target)?.[0];
  if (prefix === undefined) throw new RegistryError('BAD_REQUEST', { message: 'The request target is not a path' });
  const rest = target.slice(prefix.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The one that was found valid last: most requests name the same. */
let knownHost = '';

/** The host that the request names; null where it names none. HTTP/1.1 asks for the header; it may be empty. */
function checkHost(host: string | null, incoming: IncomingMessage): string | null {
  if (host === null && incoming.httpVersionMinor > 0)
    throw new RegistryError('BAD_REQUEST', { message: 'The Host header is missing' });
  if (host === null || host === '') return null;
  if (host !== knownHost) {
    if (!HOST.test(host)) throw new RegistryError('BAD_REQUEST', { message: 'The Host header is not valid' });
    knownHost = host;
  }
  return host;
}

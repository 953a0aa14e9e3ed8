import { Readable } from 'node:stream';
import type { Registry } from '../main.ts';

/** A registry that a program sends requests to: one in this process, or a server. */
export interface RegistryClient {
  send(request: ClientRequest): Promise<ClientResponse>;
}

export interface ClientRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | null;
}

export interface ClientResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** Sends to a registry in this process, through its routes like any client. */
export function localClient(registry: Pick<Registry, 'handle'>, authorization: string | null): RegistryClient {
  return {
    async send({ method, target, headers = {}, body = null }) {
      const sent = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
      if (authorization !== null) sent.push(['authorization', authorization]);
      const response = await registry.handle({
        method,
        target,
        headers: sent,
        body: body === null ? null : Readable.from([body], { objectMode: false }),
        contentLength: body === null ? null : body.byteLength,
        ip: '127.0.0.1',
        baseUrl: 'http://localhost',
        signal: NEVER,
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers.map(([name, value]) => [name.toLowerCase(), value])),
        bytes: await bytesOf(response.body),
      };
    },
  };
}

/** Sends to a server. Fails with the error of `fetch` when it cannot be reached. */
export function httpClient(url: string, authorization: string | null): RegistryClient {
  const base = url.replace(/\/+$/, '');
  return {
    async send({ method, target, headers = {}, body = null }) {
      const response = await fetch(base + target, {
        method,
        headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
        body: body === null ? null : Buffer.from(body),
        redirect: 'manual',
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        bytes: new Uint8Array(await response.arrayBuffer()),
      };
    },
  };
}

const NEVER = new AbortController().signal;

async function bytesOf(body: string | Uint8Array | Readable | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0);
  if (typeof body === 'string') return Buffer.from(body);
  return body instanceof Readable ? Buffer.concat(await body.toArray()) : body;
}

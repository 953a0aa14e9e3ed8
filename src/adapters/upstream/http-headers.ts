import { RegistryError } from '../../errors/registry-error.ts';
import type { UpstreamOptions } from '../../ports/upstream.ts';
import { basicAuth } from './http-challenge.ts';

export type Headers = Readonly<Record<string, string>>;

/** Headers that belong to one connection, or that the client sets itself. */
const OWN = new Set([
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive'],
  ...['proxy-authorization', 'proxy-connection', 'accept-encoding'],
]);

/** Headers that tell who asks; they stay with the server they were meant for. */
const CREDENTIALS = ['authorization', 'cookie'];

/** What a caller asks to send, in lower case, without what is not his to say. */
export function requestHeaders(given: Headers, acceptEncoding = 'identity'): Headers {
  const headers: Record<string, string> = { 'user-agent': 'entrepot', 'accept-encoding': acceptEncoding };
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase();
    if (!OWN.has(lower)) headers[lower] = value;
  }
  return headers;
}

/** The upstream's own credentials; of the `challenge` mode none, as its tokens come with an answer. */
export function authHeaders(auth: UpstreamOptions['auth']): Headers {
  switch (auth.mode) {
    case 'basic':
      return { authorization: basicAuth(auth.username, auth.password) };
    case 'bearer_token':
      return { authorization: `Bearer ${auth.token}` };
    case 'api_key':
      return { [auth.header.toLowerCase()]: auth.token };
    case 'challenge':
    case 'none':
      return {};
  }
}

/** The headers without credentials, for a server that they were not meant for. */
export function withoutCredentials(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.includes(name)));
}

/** Headers of an answer, several of one name joined by `, `. */
export function responseHeaders(raw: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

/** Bytes that an answer says it has, where no content coding applies. Fails with UPSTREAM_INVALID. */
export function declaredSize(headers: Headers): number | null {
  const length = headers['content-length'];
  const coding = headers['content-encoding'];
  if (length === undefined || (coding !== undefined && coding.trim().toLowerCase() !== 'identity')) return null;
  if (!/^\d{1,15}$/.test(length))
    throw new RegistryError('UPSTREAM_INVALID', { message: 'The upstream gives no usable length' });
  return Number(length);
}

import type { Agent, Dispatcher } from 'undici';
import { RegistryError } from '../../errors/registry-error.ts';
import type { UpstreamOptions } from '../../ports/upstream.ts';
import type { Clock } from '../../shared/clock.ts';
import { createAddressRule, type ResolveHost } from './http-address.ts';
import { readText } from './http-body.ts';
import { createTokenSource, parseChallenge } from './http-challenge.ts';
import { toUpstreamError } from './http-errors.ts';
import { authHeaders, type Headers, requestHeaders, responseHeaders, withoutCredentials } from './http-headers.ts';
import { redirectTarget } from './http-url.ts';

const MAX_REDIRECTS = 5;
const MAX_TOKEN_BYTES = 1024 * 1024;
const MAX_CONNECTIONS = 64;

/** One request to one place. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  /** In lower case. */
  readonly headers: Headers;
  readonly body: Uint8Array | null;
  readonly signal: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Dispatcher.ResponseData['body'];
}

/** Connections to an upstream, and requests over them that end in an answer which is no redirect. */
export interface Exchange {
  /** Follows redirects, shows credentials to the upstream alone, gets the token it asks for. Fails with a RegistryError or the signal's reason. */
  follow(hop: Hop): Promise<Answer>;
  close(): Promise<void>;
}

export interface ExchangeOptions
  extends Pick<UpstreamOptions, 'auth' | 'connectTimeoutMs' | 'readTimeoutMs' | 'allowPrivateAddresses'> {
  readonly clock: Clock;
  /** Resolves host names; the machine's own by default. */
  readonly resolve?: ResolveHost;
}

export function openExchange(base: URL, options: ExchangeOptions): Exchange {
  const { auth, clock } = options;
  const rule = createAddressRule(options.allowPrivateAddresses, options.resolve);
  // The client is large, and loaded when the upstream is first asked.
  let opened: Promise<Agent> | null = null;
  const openAgent = async (): Promise<Agent> => {
    const { Agent } = await import('undici');
    return new Agent({
      allowH2: false,
      connections: MAX_CONNECTIONS,
      connect: { timeout: options.connectTimeoutMs, lookup: rule.lookup },
      headersTimeout: options.readTimeoutMs,
      bodyTimeout: options.readTimeoutMs,
    });
  };
  const ownHeaders = authHeaders(auth);
  const tokens =
    auth.mode === 'challenge'
      ? createTokenSource({ base, username: auth.username, password: auth.password, clock, fetchToken })
      : null;

  async function send({ url, method, headers, body, signal }: Hop): Promise<Answer> {
    try {
      rule.checkLiteral(url);
      signal?.throwIfAborted();
      opened ??= openAgent().catch((cause: unknown) => {
        opened = null;
        throw cause;
      });
      const agent = await opened;
      signal?.throwIfAborted();
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as Dispatcher.HttpMethod,
        headers,
        body,
        ...(signal === undefined ? {} : { signal }),
      });
      return { status: answer.statusCode, headers: responseHeaders(answer.headers), body: answer.body };
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw toUpstreamError(error);
    }
  }

  async function fetchToken(url: URL, headers: Headers): Promise<string | null> {
    const answer = await send({ url, method: 'GET', headers: requestHeaders(headers), body: null, signal: undefined });
    if (answer.status === 200) return readText(answer.body, MAX_TOKEN_BYTES);
    discard(answer);
    return null;
  }

  /** Sends with the upstream's own credentials; when it asks for a token, gets one and sends once more. */
  async function sendAsOwn(hop: Hop): Promise<Answer> {
    const own = { ...hop, headers: { ...hop.headers, ...ownHeaders } };
    if (tokens === null) return send(own);
    const withToken = (token: string) =>
      send({ ...own, headers: { ...own.headers, authorization: `Bearer ${token}` } });
    const known = tokens.known(hop.url);
    const first = await (known === null ? send(own) : withToken(known));
    const challenge = first.status === 401 ? parseChallenge(first.headers['www-authenticate'] ?? '') : null;
    if (challenge === null) return first;
    try {
      const token = await tokens.obtain(hop.url, challenge, known);
      if (token === null) return first;
      discard(first);
      return await withToken(token);
    } catch (error) {
      discard(first);
      throw error;
    }
  }

  async function follow(start: Hop): Promise<Answer> {
    // An address that the upstream gave may be anybody's.
    let isOwn = start.url.origin === base.origin;
    let hop = isOwn ? start : { ...start, headers: withoutCredentials(start.headers) };
    for (let redirects = 0; ; redirects++) {
      const answer = await (isOwn ? sendAsOwn(hop) : send(hop));
      const target = findTarget(hop, answer);
      if (target === null) return answer;
      discard(answer);
      if (redirects === MAX_REDIRECTS) {
        throw new RegistryError('UPSTREAM_INVALID', {
          message: `The upstream redirects more than ${MAX_REDIRECTS} times`,
        });
      }
      // Once elsewhere, credentials do not come back: who redirects here again may know why.
      isOwn &&= target.origin === hop.url.origin;
      hop = { ...redirected(hop, answer.status), url: target };
      if (!isOwn) hop = { ...hop, headers: withoutCredentials(hop.headers) };
    }
  }

  return { follow, close: async () => void (await (await opened)?.destroy()) };
}

function findTarget(hop: Hop, answer: Answer): URL | null {
  try {
    return redirectTarget(hop.url, answer.status, answer.headers.location);
  } catch (error) {
    discard(answer);
    throw error;
  }
}

/** How a request goes on elsewhere (RFC 9110, section 15.4). */
function redirected(hop: Hop, status: number): Hop {
  const becomesGet = (status === 303 && hop.method !== 'HEAD') || (status < 303 && hop.method === 'POST');
  if (!becomesGet) return hop;
  const { 'content-type': _, ...headers } = hop.headers;
  return { ...hop, method: 'GET', headers, body: null };
}

/** Reads a short rest, so that the connection can be used again, and cuts a long one. */
export function discard(answer: Answer): void {
  answer.body.on('error', () => undefined);
  answer.body.dump({ limit: 64 * 1024 }).catch(() => undefined);
}

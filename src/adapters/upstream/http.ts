import { LRUCache } from 'lru-cache';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Upstream, UpstreamOptions, UpstreamRequest, UpstreamResponse } from '../../ports/upstream.ts';
import { boundedBody } from './http-body.ts';
import { type Circuit, createCircuit } from './http-circuit.ts';
import { ACCEPTED_CODINGS, decoded } from './http-coding.ts';
import { type Answer, discard, type ExchangeOptions, type Hop, openExchange } from './http-exchange.ts';
import { declaredSize, requestHeaders } from './http-headers.ts';
import { backoffMs, isTemporary, retryAfterMs } from './http-retry.ts';
import { absoluteUrl, joinUrl, readBaseUrl } from './http-url.ts';

export interface HttpUpstreamOptions extends UpstreamOptions, ExchangeOptions {}

/** Origins whose failures are remembered. */
const MAX_ORIGINS = 100;

type Outcome = { readonly answer: Answer } | { readonly error: unknown };

/** A client of one upstream over HTTP/1.1. Fails with DEFINITION_INVALID on an address that is none. */
export function openHttpUpstream(options: HttpUpstreamOptions): Upstream {
  const { name, clock } = options;
  if (options.baseUrl === null) return notConfigured(name);
  const base = readBaseUrl(name, options.baseUrl);
  const exchange = openExchange(base, options);
  const circuits = new LRUCache<string, Circuit>({ max: MAX_ORIGINS });

  /** One for each origin: that files lie on a host which is down does not keep anybody from asking the upstream itself. */
  function circuitOf({ origin }: URL): Circuit {
    const known = circuits.get(origin);
    if (known !== undefined) return known;
    const circuit = createCircuit(options.circuit, clock);
    circuits.set(origin, circuit);
    return circuit;
  }

  /** One attempt, whose outcome the circuit learns. Fails only when the circuit is open. */
  async function attempt(hop: Hop, circuit: Circuit): Promise<Outcome> {
    const verdict = circuit.enter();
    try {
      const answer = await exchange.follow(hop);
      if (answer.status >= 500) verdict.fail();
      else verdict.succeed();
      return { answer };
    } catch (error) {
      if (isOneOf(error, UPSTREAMS_FAULTS)) verdict.fail();
      else verdict.withdraw();
      return { error };
    }
  }

  /** How long to wait before attempt `tried + 1`; null when there should be none. */
  function nextWait(outcome: Outcome, tried: number, circuit: Circuit): number | null {
    if (circuit.isOpen) return null;
    const backoff = backoffMs(options, tried);
    if ('error' in outcome) return isOneOf(outcome.error, TEMPORARY) ? backoff : null;
    if (!isTemporary(outcome.answer.status)) return null;
    const asked = retryAfterMs(outcome.answer.headers['retry-after'], clock.now());
    return asked === null ? null : Math.max(asked, backoff);
  }

  function toResponse(answer: Answer, hop: Hop, compressed: boolean): UpstreamResponse {
    const { status } = answer;
    try {
      const hasBody = hop.method !== 'HEAD' && status !== 204 && status !== 304;
      const { headers, body } = hasBody && compressed ? decoded(answer) : answer;
      const size = hasBody || hop.method === 'HEAD' ? declaredSize(headers) : 0;
      if (hasBody && size !== null && size > options.maxResponseBytes) throw new RegistryError('UPSTREAM_TOO_LARGE');
      return { status, headers, size, body: boundedBody(body, options.maxResponseBytes, hop.signal) };
    } catch (error) {
      answer.body.on('error', () => undefined).destroy();
      throw error;
    }
  }

  async function fetch(request: UpstreamRequest): Promise<UpstreamResponse> {
    const method = request.method.toUpperCase();
    const url = request.url ? absoluteUrl(request.url) : joinUrl(base, request.path);
    const circuit = circuitOf(url);
    const compressed = request.compressed === true;
    const hop: Hop = {
      url,
      method,
      headers: requestHeaders(request.headers, compressed ? ACCEPTED_CODINGS : undefined),
      body: request.body,
      signal: request.signal,
    };
    const attempts = method === 'GET' || method === 'HEAD' ? options.maxAttempts : 1;
    for (let tried = 1; ; tried++) {
      const outcome = await attempt(hop, circuit);
      const wait = tried < attempts ? nextWait(outcome, tried, circuit) : null;
      if (wait === null) {
        if ('error' in outcome) throw outcome.error;
        return toResponse(outcome.answer, hop, compressed);
      }
      if ('answer' in outcome) discard(outcome.answer);
      await clock.sleep(wait, hop.signal);
    }
  }

  return { name, fetch, close: exchange.close };
}

function notConfigured(name: string): Upstream {
  return {
    name,
    async fetch() {
      throw new RegistryError('UPSTREAM_NOT_CONFIGURED');
    },
    async close() {},
  };
}

/** What may be better a moment later. */
const TEMPORARY = ['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT'];

const UPSTREAMS_FAULTS = [...TEMPORARY, 'UPSTREAM_INVALID'];

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof RegistryError && codes.includes(error.code);
}

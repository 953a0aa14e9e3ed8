import { fail, RegistryError } from '../../errors/registry-error.ts';
import type { Upstream, UpstreamRequest } from '../../ports/upstream.ts';
import { type CallStats, createCallMeter } from './call-meter.ts';

export interface GuardedUpstream extends Upstream {
  /** Calls, failures and times until the head of the answer. */
  stats(): Readonly<Record<string, CallStats>>;
}

/**
 * The guard that stands before every upstream. Refuses methods and headers that are not well formed (VALUE_INVALID), turns
 * unknown errors into UPSTREAM_UNREACHABLE, measures, and refuses with CLOSING after `close`. The reason of an abort passes
 * as it is.
 */
export function guardUpstream(upstream: Upstream): GuardedUpstream {
  const meter = createCallMeter('UPSTREAM_UNREACHABLE');
  return {
    name: upstream.name,
    async fetch(request) {
      try {
        return await meter.run('fetch', () => {
          checkRequest(request);
          return upstream.fetch(request);
        });
      } catch (error) {
        const { signal } = request;
        if (signal?.aborted === true && error instanceof RegistryError && error.cause === signal.reason)
          throw signal.reason;
        throw error;
      }
    },
    close: async () => meter.close(() => upstream.close()),
    stats: () => meter.stats(),
  };
}

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Visible ASCII, spaces, tabs and bytes above: no line ends. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function checkRequest({ method, headers }: UpstreamRequest): void {
  if (!TOKEN.test(method)) fail('VALUE_INVALID', 'The method is not well formed');
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name) || !HEADER_VALUE.test(value))
      fail('VALUE_INVALID', `The header ${JSON.stringify(name)} is not well formed`);
  }
}

import type { UpstreamOptions } from '../../ports/upstream.ts';

/** Nobody is kept waiting for longer between two attempts. */
const MAX_WAIT_MS = 10_000;

/** How long to wait after the n-th attempt: twice as long each time, half of it left to chance. */
export function backoffMs(options: Pick<UpstreamOptions, 'backoffMs'>, attempt: number): number {
  return Math.min(options.backoffMs * 2 ** (attempt - 1), MAX_WAIT_MS) * (0.5 + Math.random() / 2);
}

/**
 * How long a Retry-After header (seconds or a date, RFC 9110 section 10.2.3) asks to wait: 0 without one, null when that is
 * longer than anybody should be kept waiting.
 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return 0;
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(ms)) return 0;
  return ms > MAX_WAIT_MS ? null : Math.max(0, ms);
}

/** Statuses that may be others a moment later. */
export function isTemporary(status: number): boolean {
  return status === 429 || status >= 500;
}

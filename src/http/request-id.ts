import { randomBytes } from 'node:crypto';

/** What may stand in a log line and a header as it came. */
const SANE = /^[\w.~+/=:@-]{1,128}$/;

/** The id that a client gave its request with `X-Request-Id`, where it is one that can be taken over. */
export function saneRequestId(header: string | undefined): string | null {
  return header !== undefined && SANE.test(header) ? header : null;
}

/** Ids that no other process gives out: one random part, and a number that grows. */
export function createRequestIds(): () => string {
  const prefix = randomBytes(8).toString('hex');
  let next = 0;
  return () => `${prefix}-${(next++).toString(36)}`;
}

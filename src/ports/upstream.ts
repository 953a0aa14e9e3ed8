import type { Readable } from 'node:stream';

/** A server that a registry fetches from. One object per declared upstream; owns its connections. */
export interface Upstream {
  readonly name: string;
  /**
   * One request, with the upstream's auth, timeouts, bounded retries (GET and HEAD only, on connection errors, time-outs, 429 and
   * 5xx), size bound and address rule. Redirects are followed (5 at most), each target checked like the first; credentials go to
   * the origin (scheme, host, port) of the base URL alone. A content coding that was asked for is undone: the headers tell neither of it nor of
   * a length then. Any status is an answer, not an error. Fails with UPSTREAM_NOT_CONFIGURED, UPSTREAM_UNREACHABLE,
   * UPSTREAM_TIMEOUT, UPSTREAM_ADDRESS_REFUSED, UPSTREAM_TOO_LARGE, UPSTREAM_INVALID, UPSTREAM_CIRCUIT_OPEN.
   */
  fetch(request: UpstreamRequest): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, already percent-encoded, relative to the upstream's base URL. */
  readonly path: string;
  /** In place of the path: an absolute http or https URL of whichever host. Credentials in it and its fragment do not count. */
  readonly url?: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Asks for a content coding, so that less goes over the wire; the size is then mostly not known. False when left out. */
  readonly compressed?: boolean;
  readonly body: Uint8Array | null;
  readonly signal?: AbortSignal;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Names in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** From Content-Length where no content coding applies; else null. 0 for a 204 or 304, whatever it says. */
  readonly size: number | null;
  /** Must be consumed or destroyed. Errors with UPSTREAM_TIMEOUT, UPSTREAM_TOO_LARGE, UPSTREAM_INVALID (shorter than declared). */
  readonly body: Readable;
}

/** As declared under `upstreams`; secrets are already read from the environment. */
export interface UpstreamOptions {
  readonly name: string;
  /** Null: not configured (its environment variable is not set). */
  readonly baseUrl: string | null;
  readonly auth:
    | { readonly mode: 'none' }
    | { readonly mode: 'basic'; readonly username: string; readonly password: string }
    | { readonly mode: 'bearer_token'; readonly token: string }
    | { readonly mode: 'api_key'; readonly header: string; readonly token: string }
    /** Asks for a token where a 401 with `WWW-Authenticate: Bearer realm=…` says (RFC 6750, the distribution token protocol). */
    | { readonly mode: 'challenge'; readonly username: string | null; readonly password: string | null };
  readonly connectTimeoutMs: number;
  /** Between two pieces of data, and until the first. */
  readonly readTimeoutMs: number;
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly circuit: { readonly failures: number; readonly openMs: number } | null;
  readonly maxResponseBytes: number;
  /** Permits loopback, private and link-local addresses. */
  readonly allowPrivateAddresses: boolean;
}

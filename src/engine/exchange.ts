import type { Readable } from 'node:stream';
import type { PrincipalView } from '../language/frame.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';

/** A request as it came, before anything is decoded. `http/` makes one from a connection; tests and `run` make their own. */
export interface EngineRequest {
  readonly method: string;
  /** Raw path and query as in the request line, beginning with `/`. */
  readonly target: string;
  /** Names in lower case, in the order received; a name may occur several times. */
  readonly headers: readonly (readonly [string, string])[];
  /** Null when the request has no body (no Content-Length above 0 and no Transfer-Encoding). */
  readonly body: Readable | null;
  /** As declared; null for chunked or none. */
  readonly contentLength: number | null;
  /** Address of the client. */
  readonly ip: string;
  /** `http://host[:port]` as this server is known; see `--base-url`. */
  readonly baseUrl: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** What logs and error bodies call the request; absent: made up when it is needed. */
  readonly requestId?: string;
}

/** A response ready to be sent: HTTP semantics are applied, HEAD has no body, Content-Length is among the headers where known. */
export interface EngineResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array | Readable | null;
  /** The connection must not be used again: part of the request's body was not read. */
  readonly closeConnection: boolean;
}

/**
 * Tells who makes a request from its Authorization header values (usually none or one) and the client's address, by which wrong
 * passwords are counted. Null is anonymous. Fails with INVALID_CREDENTIALS, RATE_LIMITED, or BAD_REQUEST on two headers.
 */
export type Authenticate = (authorization: readonly string[], address: string) => MaybePromise<PrincipalView | null>;

/** What became of one request. Told when its response is ready: the bytes of a streamed body still have to go out. */
export interface Served {
  readonly request: Pick<EngineRequest, 'method' | 'target' | 'ip' | 'requestId'>;
  /** Null where no route fits. */
  readonly routeId: string | null;
  /** The user; null for anonymous. */
  readonly user: string | null;
  readonly status: number;
  /** Of the error that was answered; null where a step answered. */
  readonly code: string | null;
  /** The step that failed, else the one that was waited for longest; null where there is none. */
  readonly step: string | null;
  readonly tookMs: number;
}

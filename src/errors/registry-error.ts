import { type EngineErrorCode, errorCode } from './codes.ts';

export interface ErrorOptions {
  /** A sentence for the person who made the request; default: the table's. */
  readonly message?: string | undefined;
  /** Machine-readable particulars, shown to the client of a 4xx. Never a secret. */
  readonly details?: unknown;
  readonly cause?: unknown;
  /** Overrides the table's status (`respond.error` gives its own). */
  readonly status?: number | undefined;
  /** Extra response headers, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A failure with a stable code. The engine adds `routeId` and `step` while the error passes through it.
 * Expected outcomes (an absent record, a lost check) are return values, not this.
 */
export class RegistryError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly details: unknown;
  readonly headers: Readonly<Record<string, string>>;
  routeId: string | undefined;
  step: string | undefined;

  constructor(code: EngineErrorCode | (string & {}), options: ErrorOptions = {}) {
    const entry = errorCode(code);
    super(options.message ?? entry.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RegistryError';
    this.code = code;
    this.status = options.status ?? entry.status;
    this.retryable = entry.retryable;
    this.details = options.details;
    this.headers = options.headers ?? {};
  }
}

/** Throws a `RegistryError`; for use in expressions. */
export function fail(code: EngineErrorCode, message?: string, details?: unknown): never {
  throw new RegistryError(code, { message, details });
}

/** Any thrown value as a `RegistryError`; what is not one becomes `fallback` with the value as its cause. */
export function toRegistryError(thrown: unknown, fallback: EngineErrorCode = 'INTERNAL'): RegistryError {
  return thrown instanceof RegistryError ? thrown : new RegistryError(fallback, { cause: thrown });
}

import type { RegistryError } from '../errors/registry-error.ts';

/** `error` as catch clauses and error tables see it. */
export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
  readonly step: string | null;
  readonly status: number;
  readonly request_id: string;
}

export function errorView(error: RegistryError, session: { readonly requestId: string }): ErrorView {
  return {
    code: error.code,
    message: error.message,
    details: error.details ?? null,
    step: error.step ?? null,
    status: error.status,
    request_id: session.requestId,
  };
}

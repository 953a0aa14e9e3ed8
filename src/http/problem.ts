import { randomUUID } from 'node:crypto';
import type { EngineResponse } from '../engine/exchange.ts';
import { errorCode } from '../errors/codes.ts';
import { type RegistryError, toRegistryError } from '../errors/registry-error.ts';

/** Where the server writes what went wrong; a pino logger is one. */
export interface ServerLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * The answer to an error outside of any route: `{"error": {"code", "message", "details"?, "request_id"}}`, the same as the engine's own. A 5xx
 * says the table's sentence and no more; its cause goes to the log under the same request id, which is made up where
 * none is given.
 */
export function problemResponse(thrown: unknown, log: ServerLog, requestId: string = randomUUID()): EngineResponse {
  const error = toRegistryError(thrown);
  if (error.status >= 500) log.error({ err: error, request_id: requestId, code: error.code }, error.message);
  return problem(error, requestId);
}

function problem(error: RegistryError, requestId: string): EngineResponse {
  const inside = error.status >= 500;
  const message = inside ? errorCode(error.code).message : error.message;
  const details = inside || error.details === undefined ? {} : { details: error.details };
  const headers: [string, string][] = [['Content-Type', 'application/json'], ...Object.entries(error.headers)];
  if (error.status === 401) headers.push(['WWW-Authenticate', 'Bearer']);
  return {
    status: error.status,
    headers,
    body: JSON.stringify({ error: { code: error.code, message, ...details, request_id: requestId } }),
    closeConnection: false,
  };
}

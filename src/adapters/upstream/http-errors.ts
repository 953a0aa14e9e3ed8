import { RegistryError } from '../../errors/registry-error.ts';

const TIMEOUTS = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];

/** What the other side sent was not HTTP, or broke its rules. */
const INVALID = ['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_INVALID_ARG'];

export function isTimeout(error: unknown): boolean {
  return TIMEOUTS.includes(codeOf(error));
}

/** What went wrong before an answer's head was there, as the port names it. */
export function toUpstreamError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof Error && error.cause instanceof RegistryError) return error.cause;
  if (isTimeout(error)) return new RegistryError('UPSTREAM_TIMEOUT', { cause: error });
  if (isParserError(error) || INVALID.includes(codeOf(error)))
    return new RegistryError('UPSTREAM_INVALID', { cause: error });
  return new RegistryError('UPSTREAM_UNREACHABLE', { cause: error });
}

/** By its name: the client is not loaded before there is something to ask. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

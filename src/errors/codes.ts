/**
 * The one table of error codes. A code is stable: clients and `catch` clauses name it.
 * `status` is the default HTTP status; a pack's error table may answer otherwise.
 * `retryable` says that the same request may succeed later without being changed.
 */
export interface ErrorCode {
  readonly status: number;
  readonly retryable: boolean;
  /** The sentence shown when whoever raises the error gives none. */
  readonly message: string;
}

function code(status: number, message: string, retryable = false): ErrorCode {
  return Object.freeze({ status, retryable, message });
}

export const ERROR_CODES = Object.freeze({
  // Before a pipeline runs
  BAD_REQUEST: code(400, 'The request is not well formed'),
  CLIENT_GONE: code(400, 'The client went away'),
  BAD_PATH: code(400, 'The request path is not well formed'),
  UNAUTHORIZED: code(401, 'Authentication is required'),
  INVALID_CREDENTIALS: code(401, 'The credentials are not valid'),
  FORBIDDEN: code(403, 'This principal may not do that'),
  ROUTE_NOT_FOUND: code(404, 'No route answers this path'),
  METHOD_NOT_ALLOWED: code(405, 'This path does not answer that method'),
  UNSUPPORTED_MEDIA_TYPE: code(415, 'The media type of the body is not accepted here'),
  RANGE_NOT_SATISFIABLE: code(416, 'The range lies outside the content'),
  PRECONDITION_FAILED: code(412, 'A precondition of the request does not hold'),
  RATE_LIMITED: code(429, 'Too many attempts at once; try again shortly', true),

  // Values
  VALUE_MISSING: code(400, 'A value that is needed is missing'),
  VALUE_INVALID: code(400, 'A value has the wrong type or form'),
  ENTITY_INVALID: code(400, 'A field does not fit its entity'),
  SCHEMA_INVALID: code(400, 'The value does not fit its schema'),
  JSON_INVALID: code(400, 'The body is not valid JSON'),
  BASE64_INVALID: code(400, 'The base64 is not valid'),
  QUERY_INVALID: code(400, 'The query string is not valid'),
  HEADER_INVALID: code(400, 'A header is missing or not valid'),
  CURSOR_INVALID: code(400, 'The cursor is not one of this list'),
  EXPRESSION_FAILED: code(500, 'An expression could not be evaluated'),

  // Records
  NOT_FOUND: code(404, 'Not found'),
  ALREADY_EXISTS: code(409, 'It exists already'),
  VERSION_MISMATCH: code(409, 'The record has changed since it was read'),
  UNIQUE_VIOLATION: code(409, 'Another record holds this unique key'),
  DOCUMENT_INVALID: code(422, 'The document does not fit its schema'),
  DOCUMENT_TOO_LARGE: code(413, 'The document is larger than this registry allows'),
  CONFLICT: code(503, 'Too many writers fought for the same records; try again', true),

  // Blobs
  DIGEST_INVALID: code(400, 'The digest is not well formed'),
  DIGEST_MISMATCH: code(400, 'The content does not have the digest that was expected'),
  SIZE_MISMATCH: code(400, 'The content does not have the size that was expected'),
  BLOB_NOT_FOUND: code(404, 'There is no such blob'),
  BLOB_MISSING: code(422, 'A record names a blob that is not in the store'),
  BLOB_TOO_LARGE: code(413, 'The blob is larger than this store allows'),
  BLOB_TOO_SMALL: code(400, 'The blob is smaller than this store allows'),
  BLOB_CORRUPT: code(500, 'A stored blob does not have its digest any more'),
  UPLOAD_NOT_FOUND: code(404, 'There is no such upload'),
  UPLOAD_OUT_OF_ORDER: code(416, 'The upload does not continue where it stopped'),
  BODY_CONSUMED: code(500, 'The bytes were read already'),
  BODY_TRUNCATED: code(400, 'The body ended before its declared length'),
  ARCHIVE_INVALID: code(400, 'The archive is broken, or holds what no archive should'),

  // Limits
  BODY_TOO_LARGE: code(413, 'The request body is larger than this registry allows'),
  JSON_TOO_LARGE: code(413, 'The JSON body is larger than this registry allows'),
  JSON_TOO_DEEP: code(400, 'The JSON body is nested too deeply'),
  ARCHIVE_TOO_LARGE: code(413, 'The archive holds more than this registry unpacks'),
  URI_TOO_LONG: code(414, 'The request path is too long'),
  CPU_LIMIT: code(503, 'The request took more computing time than this registry allows', true),
  IO_LIMIT: code(503, 'The request took more store operations than this registry allows', true),
  ITEMS_LIMIT: code(422, 'A loop has more items than it may run over'),

  // Upstreams
  UPSTREAM_NOT_CONFIGURED: code(502, 'The upstream has no address'),
  UPSTREAM_UNREACHABLE: code(502, 'The upstream could not be reached', true),
  UPSTREAM_TIMEOUT: code(504, 'The upstream did not answer in time', true),
  UPSTREAM_ADDRESS_REFUSED: code(502, 'The upstream points to an address that it may not reach'),
  UPSTREAM_STATUS: code(502, 'The upstream does not give what was asked for'),
  UPSTREAM_TOO_LARGE: code(502, 'The upstream sent more than this registry takes'),
  UPSTREAM_INVALID: code(502, 'The upstream sent an answer that makes no sense'),
  UPSTREAM_CIRCUIT_OPEN: code(503, 'The upstream failed repeatedly and is left alone for a while', true),

  // Moving house
  BACKUP_INVALID: code(422, 'The file is not a whole backup'),

  // Trouble inside
  STORE_FAILURE: code(503, 'The store failed', true),
  STORE_NOT_SHARED: code(503, 'One process has this store to itself'),
  STORE_UNREACHABLE: code(503, 'The database cannot be reached', true),
  COMMIT_UNKNOWN: code(503, 'The connection broke while a commit was under way', true),
  BLOB_STORE_FAILURE: code(503, 'The blob store failed', true),
  STORE_FULL: code(507, 'The store has no room left', true),
  CACHE_FAILURE: code(503, 'The cache failed', true),
  CLOSING: code(503, 'The server is shutting down', true),
  DEFINITION_INVALID: code(500, 'The registry definition has errors'),
  INTERNAL: code(500, 'Something went wrong inside'),
} as const satisfies Record<string, ErrorCode>);

/** A code of the engine's own. A definition may raise others through `respond.error`. */
export type EngineErrorCode = keyof typeof ERROR_CODES;

/** The table's entry, or that of a code which only a definition knows (500, not retryable). */
export function errorCode(name: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, name) ? ERROR_CODES[name as EngineErrorCode] : UNKNOWN;
}

const UNKNOWN = code(500, 'An error occurred');

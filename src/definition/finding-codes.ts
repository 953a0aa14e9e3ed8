/**
 * The one table of finding codes. A code is stable: people grep for it, and `docs/findings.md` is rendered from here.
 * `severity` is the usual one; a rule may report a milder one where it says so.
 */
export interface FindingCodeEntry {
  readonly severity: 'error' | 'warning';
  /** What it means, in one sentence. */
  readonly summary: string;
}

function error(summary: string): FindingCodeEntry {
  return Object.freeze({ severity: 'error', summary });
}

function warning(summary: string): FindingCodeEntry {
  return Object.freeze({ severity: 'warning', summary });
}

export const FINDING_CODES = Object.freeze({
  // Files and their form
  FILE_MISSING: error('A file or folder of the definition cannot be read'),
  JSON_INVALID: error('A file is not valid JSON (RFC 8259, UTF-8)'),
  DUPLICATE_KEY: error('An object has the same key twice; only the last would count'),
  UNKNOWN_KEY: error('A key means nothing here'),
  SHAPE_INVALID: error('A value has the wrong type, is missing or is not one of those allowed'),
  ROUTE_FILE_NAME: error('A route file has another name than the id that it gives its route'),
  NOT_RUN: warning('The section is read and kept, but this version of the engine does not act on it'),

  // Names
  REFERENCE_UNKNOWN: error('Something is named that is declared nowhere'),
  DUPLICATE_ID: error('Two things of one kind have the same name'),
  STORE_KIND: error('A store is of a kind that is unknown, not available, or cannot do what is asked of it'),
  STORE_KIND_READ_AS: warning('A store is of a kind that the engine replaces with its embedded default'),

  // Operations and their arguments
  UNKNOWN_OPERATION: error('No operation has this name'),
  OPERATION_NOT_ALLOWED: error('The operation is not among `ops.allowed`'),
  ARGUMENT_UNKNOWN: error('The operation has no such argument'),
  ARGUMENT_MISSING: error('An argument that the operation needs is missing'),
  ARGUMENT_INVALID: error('An argument does not have the form that the operation needs'),

  // The language
  TEMPLATE_INVALID: error('A template does not parse'),
  EXPRESSION_INVALID: error('An expression does not parse or uses what is not allowed'),
  CONDITION_INVALID: error('A condition does not parse'),
  CONDITION_CONSTANT: warning('A condition compares nothing but constants: it always comes out the same'),
  REGEX_INVALID: error('A regular expression does not parse or cannot run in linear time'),
  KEY_INVALID: error('A record key or key template does not have the form it needs'),
  PATH_INVALID: error('A path pattern does not parse'),
  SCHEMA_INVALID: error('A JSON Schema does not compile'),

  // Routes
  ROUTE_CLASH: error('Two routes answer the same method and paths, and nothing decides between them'),

  // Variables
  VARIABLE_UNBOUND: error('A variable is used that is not bound on every way to this step'),
  VARIABLE_NULLABLE: warning('A variable that may be null stands in a text, where null fails'),
  VARIABLE_UNREAD: warning('A variable is bound and never read'),

  // Transactions and bytes
  TXN_UNPAIRED: error('`txn.begin` and `txn.commit` do not pair up in one list of steps on every way'),
  TXN_NESTED: error('A transaction begins inside another'),
  TXN_WRITE_OUTSIDE: error('A record, index or event is written outside a transaction'),
  TXN_BLOB_LATE: error('A transaction uses the digest of a blob that is put only after its commit'),
  TXN_SEARCH: error('A search runs inside a transaction, whose commit could not prove what it found'),
  TXN_STORES: error('One transaction touches documents of several record stores'),
  BLOB_UNCHECKED: error('A blob is put with neither an expected digest nor a check after it'),
  BODY_READ_TWICE: error('The request body, which can be read once, is read by a second step'),

  // Pipelines
  PIPELINE_TOO_LONG: error('A pipeline has more steps than `ops.limits.max_pipeline_ops`'),
  PIPELINE_NO_RESPONSE: error('A route can end without a response'),
  PIPELINE_RECURSION: error('A pipeline calls itself, directly or through others'),
  STEP_UNREACHABLE: warning('A step can never run, because every way to it has responded before'),

  // What is written and read
  VALUE_NEVER_FITS: error('What is written into a document or an event can never fit its schema'),
  FIELD_UNKNOWN: error('An index, a query or a condition names a field that there cannot be'),
  FIELD_NOT_TEXT: error('An index searches a field that never holds a text'),
  SEARCH_WITHOUT_TEXT: error('A search asks an index that has no `text`'),
  MEMBER_UNKNOWN: warning('A member of a variable, or a feature, is read that there cannot be'),
  CODE_NEVER_RAISED: warning(
    'A `catch` or an error table names a code, or declares an error, that nothing there raises',
  ),
  INDEX_WRITE_REDUNDANT: warning('A step writes an index that the engine keeps itself'),
  VISIBILITY_BYPASSED: warning('A step looks past the `visible_when` of a document'),
  APPLY_NEEDS_REQUEST: error('A pipeline that applies events needs a request, and there is none'),
  RESPONSE_NOT_KEPT: warning('A route asks for its answers to be kept, and they cannot be'),
  REPRESENTATION_PERSONAL: error('An answer that is kept for all is built from who asks'),

  // Who may do what, and how far
  SCOPE_UNUSED: warning('A scope is declared that nothing asks for'),
  POLICY_UNUSED: warning('A policy speaks of no route'),
  ROUTE_UNGUARDED: warning('A route writes, and neither a policy nor a step says who may'),
  ACCESS_RULE_HIDDEN: error('A pattern of `access` never decides, because one before it matches all its names'),
  ACCESS_UNUSED: warning('An access is declared, or an action of one, that no step asks for'),
  OPERATION_UNLISTED: warning('A route needs an operation that none of the scopes it requires lists'),
  PROXY_UNBOUNDED: warning('An upstream is fetched from whose timeouts or attempts are not written'),

  // The definition's own rules
  INVARIANT_BROKEN: error('An invariant of the definition does not hold'),
  CHECK_FAILED: error('A check under `validation` fails'),
  ASSERT_INVALID: error('An assert cannot be evaluated as it is written'),
} as const satisfies Record<string, FindingCodeEntry>);

export type FindingCode = keyof typeof FINDING_CODES;

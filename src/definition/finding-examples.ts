import type { FindingCode } from './finding-codes.ts';

/** What brings a finding about, and how it is mended; pieces of JSON, or a sentence. */
export interface FindingExample {
  readonly wrong: string;
  readonly mended: string;
}

function example(wrong: string, mended: string): FindingExample {
  return Object.freeze({ wrong, mended });
}

/** One for each code, for `docs/findings.md`. */
export const FINDING_EXAMPLES: Readonly<Record<FindingCode, FindingExample>> = {
  FILE_MISSING: example('"packs": ["routes/boks"]', '"packs": ["routes/books"]'),
  JSON_INVALID: example('{ "id": "list", }', '{ "id": "list" }'),
  DUPLICATE_KEY: example('{ "out": "a", "out": "b" }', '{ "out": "b" }'),
  UNKNOWN_KEY: example('{ "id": "list", "mehtod": "GET" }', '{ "id": "list", "method": "GET" }'),
  SHAPE_INVALID: example('"ttl_seconds": "60"', '"ttl_seconds": 60'),
  ROUTE_FILE_NAME: example(
    'routes/books/list.json: { "id": "list_books" }',
    'routes/books/list_books.json, without "id"',
  ),
  NOT_RUN: example('"encrypted": true', 'Do not rely on it: leave it out, or keep it for a version that acts on it'),

  REFERENCE_UNKNOWN: example('{ "doc": "bok" }', '{ "doc": "book" }'),
  DUPLICATE_ID: example(
    '"policies": [{ "name": "reads" }, { "name": "reads" }]',
    '"policies": [{ "name": "reads" }, { "name": "writes" }]',
  ),
  STORE_KIND: example('"meta": { "kind": "sqlit" }', '"meta": { "kind": "sqlite" }'),
  STORE_KIND_READ_AS: example('"meta": { "kind": "rocksdb" }', '"meta": { "kind": "sqlite" }'),

  UNKNOWN_OPERATION: example('{ "op": "respond.jsn" }', '{ "op": "respond.json" }'),
  OPERATION_NOT_ALLOWED: example(
    '"ops": { "closed_world": true, "allowed": ["kv.get"] } and a step { "op": "kv.put" }',
    '"allowed": ["kv.get", "kv.put"]',
  ),
  ARGUMENT_UNKNOWN: example(
    '{ "op": "kv.get", "args": { "ot": "book" } }',
    '{ "op": "kv.get", "args": { "out": "book" } }',
  ),
  ARGUMENT_MISSING: example('{ "op": "kv.get", "args": { "doc": "book" } }', 'Add "key" and "out"'),
  ARGUMENT_INVALID: example('{ "status": 99 }', '{ "status": 200 }'),

  TEMPLATE_INVALID: example('"{name"', '"{name}"'),
  EXPRESSION_INVALID: example(
    '"{% $eval(text) %}"',
    'Write what the expression is to compute; at most 2000 characters',
  ),
  CONDITION_INVALID: example('{ "is_nul": "$book" }', '{ "is_null": "$book" }'),
  CONDITION_CONSTANT: example('{ "equals": ["name", "a"] }', '{ "equals": ["$name", "a"] }'),
  REGEX_INVALID: example('"^(a)\\\\1$"', '"^aa$": back references and look-around have no linear time'),
  KEY_INVALID: example('"key": "book/{name}" for the template "book/{shelf}/{name}"', '"key": "book/{shelf}/{name}"'),
  PATH_INVALID: example('"path": "/books/{name"', '"path": "/books/{name}"'),
  SCHEMA_INVALID: example('{ "type": "strng" }', '{ "type": "string" }'),

  ROUTE_CLASH: example('GET /books/{name} and GET /books/{id}', 'Make one path more particular: /books/{id:[0-9]+}'),

  VARIABLE_UNBOUND: example('"$nmae"', '"$name"'),
  VARIABLE_NULLABLE: example(
    '"{book.title}" after a "kv.get"',
    'Answer first where { "is_null": "$book" }, or write "{book.title?}"',
  ),
  VARIABLE_UNREAD: example(
    '{ "op": "time.now_iso8601", "args": { "out": "now" } }',
    'Read "$now", remove the step, or call it "_now"',
  ),

  TXN_UNPAIRED: example('"txn.begin" without "txn.commit" in the same list', 'Add "txn.commit" to that list'),
  TXN_NESTED: example('"txn.begin" twice before "txn.commit"', 'Remove the inner one'),
  TXN_WRITE_OUTSIDE: example('{ "op": "kv.put" } on its own', '"txn.begin", "kv.put", "txn.commit"'),
  TXN_BLOB_LATE: example('"txn.commit" of a digest, then "blob.put" of that blob', 'Put the blob before "txn.begin"'),
  TXN_SEARCH: example('"txn.begin", "search.query", "txn.commit"', 'Search before "txn.begin"'),
  TXN_STORES: example(
    'Documents of two kv stores in one transaction',
    'Keep documents that change together in one store',
  ),
  BLOB_UNCHECKED: example(
    '{ "op": "blob.put", "args": { "from": "request.body", "out": "blob" } }',
    '"expect": "$digest", or a "blob.verify_digest" after it',
  ),
  BODY_READ_TWICE: example(
    '"parse.json", then "blob.put" from "request.body"',
    'Store the body once and read the blob',
  ),

  PIPELINE_TOO_LONG: example('200 steps where "max_pipeline_ops" is 128', 'Move steps into a pipeline of their own'),
  PIPELINE_NO_RESPONSE: example(
    'The last step is a "respond" with "when"',
    'End with a "respond" step that has no "when"',
  ),
  PIPELINE_RECURSION: example('The pipeline "a" calls "b", and "b" calls "a"', 'Repeat steps with "flow.each"'),
  STEP_UNREACHABLE: example(
    '{ "op": "respond.error" } without "when", and steps after it',
    '"when": { "is_null": "$book" }',
  ),

  VALUE_NEVER_FITS: example(
    '"value": { "titel": "$title" } where the schema has only "title"',
    '"value": { "title": "$title" }',
  ),
  FIELD_UNKNOWN: example('"fields": ["shelff"]', '"fields": ["shelf"]'),
  FIELD_NOT_TEXT: example('"text": { "pages": 1 } where "pages" is an integer', '"text": { "title": 1 }'),
  SEARCH_WITHOUT_TEXT: example(
    '{ "op": "search.query", "args": { "index": "books" } } where "books" has no "text"',
    '"books": { "text": { "title": 3, "summary": 1 } }',
  ),
  MEMBER_UNKNOWN: example('"$book.titel"', '"$book.title"'),
  CODE_NEVER_RAISED: example(
    '"catch": { "NOT_FOUND": [] } at a "kv.get"',
    'Test { "is_null": "$book" }: absent is no error there',
  ),
  INDEX_WRITE_REDUNDANT: example('"index.upsert" on an incremental index', 'Remove the step'),
  VISIBILITY_BYPASSED: example(
    '{ "op": "kv.get", "args": { "as": "registry" } }',
    'Leave "as" out, or show nothing of what it finds',
  ),
  APPLY_NEEDS_REQUEST: example(
    '"{request.path}" in an apply pipeline',
    '"{event.path}", put there when the event is emitted',
  ),
  RESPONSE_NOT_KEPT: example(
    '"cache": true on a route that reads "$request.ip"',
    'Leave "cache" out, or read nothing but path, query and the headers of "vary_headers"',
  ),
  REPRESENTATION_PERSONAL: example(
    '"$principal.sub" in a pipeline that "respond.representation" builds with',
    'An input of that pipeline, given by "with"',
  ),

  SCOPE_UNUSED: example('A scope "review" that no policy and no step requires', 'Require it, or remove it'),
  POLICY_UNUSED: example('"when": { "route.tags": ["publik"] }', '"when": { "route.tags": ["public"] }'),
  ROUTE_UNGUARDED: example(
    'A route with "kv.put" and no policy',
    '{ "op": "auth.require_scopes", "args": { "scopes": ["write"] } }',
  ),
  ACCESS_RULE_HIDDEN: example(
    '"package": [{ "names": "**", "read": ["$all"] }, { "names": "secret/*", "read": ["role:devs"] }]',
    '"package": [{ "names": "secret/*", "read": ["role:devs"] }, { "names": "**", "read": ["$all"] }]',
  ),
  ACCESS_UNUSED: example(
    '"package": [{ "names": "**", "pubilsh": ["$authenticated"] }]',
    '"package": [{ "names": "**", "publish": ["$authenticated"] }]',
  ),
  OPERATION_UNLISTED: example(
    'A route that requires "read" and uses "kv.put"',
    'Require "write", whose "actions" list "kv.put"',
  ),
  PROXY_UNBOUNDED: example(
    'An upstream without "timeouts_ms"',
    '"timeouts_ms": { "connect": 2000, "read": 10000 }, "retry": { "max_attempts": 2 }',
  ),

  INVARIANT_BROKEN: example(
    '{ "equals": ["ops.closed_world", true] } where it is false',
    'Change the definition, or the invariant',
  ),
  CHECK_FAILED: example(
    '{ "unique": ["api.routes[].id"] } where two are alike',
    'Change the definition; "on_fail": "warn" makes it a warning',
  ),
  ASSERT_INVALID: example('{ "equal": ["type_id", "acme"] }', '{ "equals": ["type_id", "acme"] }'),
};

import type { JsonObject } from '../types.ts';
import { choice, closed, flag, integer, list, named, oneOrMore, part, text, texts } from './parts.ts';
import { ROUTE, SHARED, STORAGE, shaped, VERSIONING } from './sections.ts';

const BLOB_STORE = closed(
  'Where blobs are kept.',
  {
    kind: choice('What keeps them.', ['filesystem', 'memory', 's3']),
    root: text('A folder, relative to the data folder.'),
    addressing: closed('How they are named.', {
      mode: choice('By their content.', ['content_addressed']),
      digest: choice('The hash.', ['sha256']),
      path_template: { type: 'string', pattern: '\\{digest\\}', description: 'With the whole {digest} in it.' },
    }),
    limits: closed('Sizes that are taken.', {
      max_blob_bytes: integer('At most.'),
      min_blob_bytes: integer('At least.'),
    }),
  },
  ['kind'],
);

const KV_STORE: JsonObject = {
  type: 'object',
  description: 'Where records are kept.',
  properties: {
    kind: text('memory, sqlite, pglite, postgres; "rocksdb" and "filesystem" are read as the embedded default.'),
    path: text('Of sqlite a file, of pglite a folder, in the data folder unless it is absolute.'),
    url: text('Of postgres: postgres://user@host:5432/database, without a password.'),
    url_env: text('Of postgres: the variable that holds the whole URL. Default: ENTREPOT_POSTGRES_URL.'),
    schema: text('Of postgres: the schema that holds the store. Default: named after the store.'),
    pool_size: integer('Of postgres: connections at most. Default: 20.', 2),
    tls: closed('Of postgres: how the server is reached over TLS.', {
      ca_file: text('Certificates of the authorities to trust, as PEM.'),
      cert_file: text('The certificate to show, as PEM.'),
      key_file: text('The key of that certificate, as PEM.'),
      server_name: text('The name that the certificate of the server must have.'),
      verify: flag('False takes any certificate. Default: true.'),
    }),
  },
  required: ['kind'],
};

const AUTH = closed('Who may do what.', {
  principals: closed('How a login is remembered.', {
    source: choice('Opaque tokens, or signed ones.', ['tokens', 'jwt']),
    issuer: text('Of signed tokens.'),
    audience: text('Of signed tokens.'),
    session_seconds: integer('How long a login lasts.', 1),
    clock_skew_seconds: integer('By how much clocks may differ.'),
  }),
  passwords: closed('What passwords must be like.', { min_length: integer('Characters.', 1) }),
  anonymous: closed('Whoever has not logged in.', { scopes: texts('Scopes that anybody has.') }),
  scopes: list(
    'Scopes that can be given.',
    closed('A scope.', { name: text('Its name.'), actions: texts('Operations it reaches: "kv.get", "kv.*", "*".') }, [
      'name',
    ]),
  ),
  policies: list(
    'Judged before a pipeline runs; deny wins.',
    closed(
      'A policy.',
      {
        name: text('Its name.'),
        effect: choice('What it does.', ['allow', 'deny']),
        when: named('Paths from "route" or "principal", each with the values that count.', {}),
        require: closed('What a principal must have.', { scopes: texts('Scopes.') }),
      },
      ['name', 'effect'],
    ),
  ),
});

const UPSTREAM = closed(
  'A server that "proxy.fetch" asks.',
  {
    base_url: text('Its address; may read {env.NAME}.'),
    auth: closed('How we show who we are.', {
      mode: choice('The way.', ['none', 'basic', 'bearer_token', 'api_key', 'challenge']),
      token_env: text('Variable that holds the token.'),
      username_env: text('Variable that holds the user name.'),
      password_env: text('Variable that holds the password.'),
      header: text('Header of an api_key.'),
    }),
    timeouts_ms: closed('How long is waited.', { connect: integer('', 1), read: integer('', 1) }),
    retry: closed('How often is tried.', {
      max_attempts: integer('Attempts in all.', 1),
      backoff_ms: integer('Between them.'),
    }),
    circuit: closed('When it is left alone for a while.', { failures: integer('', 1), open_ms: integer('', 1) }),
    max_response_bytes: integer('Bytes taken of one answer.', 1),
    allow_private_addresses: flag('It may stand in a private network.'),
  },
  ['base_url'],
);

const LIMITS = closed('What one request may use.', {
  max_pipeline_ops: integer('Steps of a pipeline.', 1),
  max_request_body_bytes: integer('Bytes of a body.', 1),
  max_json_bytes: integer('Bytes of a JSON body.', 1),
  max_json_depth: integer('Depth of a JSON body.', 1),
  max_kv_value_bytes: integer('Bytes of a document.', 1),
  max_cpu_ms_per_request: integer('Milliseconds of computing between waits.', 1),
  max_cpu_ms_per_build: integer(
    'Milliseconds of computing for what is made once for all who ask: a representation, a fill.',
    1,
  ),
  max_io_ops_per_request: integer('Store operations.', 1),
});

const CORS = closed(
  'Which pages of other origins may call.',
  {
    origins: texts('Origins such as "https://ui.example.org", or "*".'),
    methods: texts('Methods.'),
    headers: texts('Headers that may be sent.'),
    expose_headers: texts('Headers that may be read.'),
    max_age_seconds: integer('How long a preflight holds.'),
  },
  ['origins'],
);

const CACHING = closed('What is kept in memory.', {
  response_cache: closed('Answers.', {
    enabled: flag('It is used.'),
    vary_headers: texts('Request headers that tell answers apart.'),
    max_entry_bytes: integer('Bytes of one answer.'),
    default_ttl_seconds: integer('How long an answer is good.'),
    revalidate: closed('How an old answer is asked about.', {
      use_etag: flag('By its entity tag.'),
      use_last_modified: flag('By its date.'),
    }),
  }),
  representations: closed('Responses kept ready, which "respond.representation" builds.', {
    max_bytes: integer('Bytes in all. Default: 128 MiB.'),
  }),
  blob_cache: closed('Blobs.', {
    enabled: flag('It is used.'),
    pin_on_access: flag('What is asked for stays.'),
    max_bytes: integer('Bytes in all.'),
    eviction: closed('What goes first.', { policy: text('The way.') }),
  }),
});

/** `schema.json`, and a registry in one file. */
export const REGISTRY = closed(
  'A registry.',
  {
    ...SHARED,
    schema_version: text('Of this form: "1.0".'),
    type_id: text('What kind of registry it is: "acme.registry".'),
    capabilities: shaped('capabilities', 'What the registry offers.'),
    packs: texts('Folders of packs.'),
    env: texts('Environment variables that templates may read.'),
    entities: { ...(SHARED.entities as JsonObject), properties: entityProperties() },
    storage: closed('Stores and what they hold.', {
      blob_stores: named('Blob stores by name.', BLOB_STORE),
      kv_stores: named('Record stores by name.', KV_STORE),
      ...STORAGE,
    }),
    auth: AUTH,
    http: closed('HTTP itself.', { cors: CORS }),
    upstreams: named('Upstreams by name.', UPSTREAM),
    caching: CACHING,
    ops: closed('Which operations may be used, and how much.', {
      closed_world: flag('Only those in "allowed".'),
      allowed: texts('Operations.'),
      limits: LIMITS,
    }),
    api: closed('The interface.', { routes: list('Routes.', ROUTE) }),
    replication: {
      ...shaped('replication', 'How other registries follow this one.'),
      properties: replicationProperties(),
    },
    gc: shaped('gc', 'What is collected, and when.'),
    invariants: shaped('invariants', 'What must always hold of the definition.'),
    validation: shaped('validation', 'Checks of the definition, and what is done where one fails.'),
  },
  ['schema_version', 'type_id'],
);

function entityProperties(): JsonObject {
  const { properties } = SHARED.entities as { properties: JsonObject };
  return { ...properties, versioning: VERSIONING };
}

function replicationProperties(): JsonObject {
  const { properties } = shaped('replication', '') as { properties: JsonObject };
  return { ...properties, apply_pipelines: named('Steps that apply an event.', part('steps')) };
}

/** `pack.json`. */
export const PACK = closed(
  'A pack: routes and what belongs to them.',
  {
    ...SHARED,
    name: { type: 'string', pattern: '^[a-z][a-z0-9_-]*$', description: 'Its name.' },
    mount: oneOrMore('Path prefixes of its routes.', { type: 'string' }),
    auth_challenge: texts('WWW-Authenticate values of a 401; templates.'),
    storage: closed('What it keeps.', STORAGE),
  },
  ['name', 'mount'],
);

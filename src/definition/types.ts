/**
 * The typed Definition: all of a registry's JSON merged into one frozen value, with defaults filled in. Only `load.ts` makes one.
 * Names declared by a pack (`documents`, `indexes`, `pipelines`, `entities`, `schemas`, `events`) are qualified here: a pack `books`
 * that declares `title` gives `books.title`; references inside that pack were resolved to the qualified name, so that everything
 * behind the loader looks names up as they are. Names of `schema.json` have no prefix.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Definition {
  readonly schemaVersion: string;
  readonly typeId: string;
  readonly description: string;
  readonly packs: readonly PackDefinition[];
  readonly entities: Readonly<Record<string, EntityDefinition>>;
  readonly versioning: VersioningDefinition;
  readonly blobStores: Readonly<Record<string, BlobStoreDefinition>>;
  readonly kvStores: Readonly<Record<string, KvStoreDefinition>>;
  readonly documents: Readonly<Record<string, DocumentDefinition>>;
  /** JSON Schemas by name. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
  readonly indexes: Readonly<Record<string, IndexDefinition>>;
  readonly auth: AuthDefinition;
  readonly access: Readonly<Record<string, AccessDefinition>>;
  readonly http: { /** Null: pages of other origins are not let in. */ readonly cors: CorsDefinition | null };
  readonly upstreams: Readonly<Record<string, UpstreamDefinition>>;
  readonly caching: CachingDefinition;
  readonly ops: OpsDefinition;
  readonly routes: readonly RouteDefinition[];
  readonly pipelines: Readonly<Record<string, PipelineDefinition>>;
  /** Of `schema.json`; packs have their own. */
  readonly errors: Readonly<Record<string, ErrorEntryDefinition>>;
  readonly events: Readonly<Record<string, EventDefinition>>;
  /** Apply pipelines by name, and which event type each serves. */
  readonly applyPipelines: Readonly<Record<string, readonly StepDefinition[]>>;
  readonly features: Readonly<Record<string, Json>>;
  /** Names of environment variables that templates may read. */
  readonly env: readonly string[];
  /** Sections that are parsed and kept but not executed by this version. */
  readonly replication: JsonObject;
  readonly gc: JsonObject;
  readonly invariants: JsonObject;
  readonly validation: JsonObject;
  readonly capabilities: JsonObject;
  /** The merged JSON with the keys of the definition's own form, for `/schema`, invariants and `unique` checks. */
  readonly raw: JsonObject;
}

export interface PackDefinition {
  readonly name: string;
  /** Path prefixes without a trailing slash; `""` is the root. */
  readonly mounts: readonly string[];
  readonly description: string;
  readonly errors: Readonly<Record<string, ErrorEntryDefinition>>;
  readonly features: Readonly<Record<string, Json>>;
  /** `WWW-Authenticate` values for a 401, templates; the engine's `Bearer` and `Basic` by default. */
  readonly challenge: readonly string[];
}

export interface EntityDefinition {
  readonly name: string;
  readonly fields: Readonly<Record<string, EntityFieldDefinition>>;
  readonly primaryKey: readonly string[];
  readonly constraints: readonly { readonly field: string; readonly regex: string; readonly whenPresent: boolean }[];
}

export interface EntityFieldDefinition {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';
  readonly optional: boolean;
  /** `trim`, `lower`, `upper`, `replace:from:to`, in order. */
  readonly normalize: readonly string[];
}

export interface VersioningDefinition {
  readonly scheme: string;
  /** How `version:desc` sorts: `semver`, `natural` or `text`. */
  readonly ordering: 'semver' | 'natural' | 'text';
  readonly allowPrerelease: boolean;
  readonly latestPolicy: {
    readonly enabled: boolean;
    readonly monotonic: boolean;
    readonly excludePrerelease: boolean;
  };
}

export interface BlobStoreDefinition {
  readonly kind: string;
  /** Relative to the data folder. */
  readonly root: string;
  readonly pathTemplate: string;
  readonly maxBlobBytes: number;
  readonly minBlobBytes: number;
}

export interface KvStoreDefinition {
  /** As the engine runs it: `rocksdb` and `filesystem` were read as `sqlite`. */
  readonly kind: string;
  /** Of `sqlite` a file, of `pglite` a folder, in the data folder unless it is absolute; null: named after the store. */
  readonly path: string | null;
  /** Of `postgres`; null for the others. */
  readonly server: PostgresServerDefinition | null;
}

export interface PostgresServerDefinition {
  /** Without a password; null: the environment says where. */
  readonly url: string | null;
  /** The variable that holds the whole URL, read where `url` is null. */
  readonly urlEnv: string;
  /** Null: named after the store. */
  readonly schema: string | null;
  /** Connections at most; null: the adapter's own bound. */
  readonly poolSize: number | null;
  readonly tls: PostgresTlsDefinition | null;
}

/** Files are absolute or relative to the working folder. */
export interface PostgresTlsDefinition {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly serverName: string | null;
  readonly verify: boolean;
}

export interface DocumentDefinition {
  readonly name: string;
  readonly store: string;
  readonly keyTemplate: string;
  /** Name in `schemas`, or null. */
  readonly schema: string | null;
  /** Fields (dotted paths; `[]` for each element) that hold blob digests. */
  readonly blobs: readonly string[];
  /** 0: never expires. */
  readonly ttlSeconds: number;
  readonly encrypted: boolean;
  /** A condition over `record` and `principal`, or null. */
  readonly visibleWhen: JsonObject | null;
}

export interface IndexDefinition {
  readonly name: string;
  readonly document: string;
  readonly keys: readonly IndexKeyDefinition[];
  /** Field name to expression or template over `record`. */
  readonly derive: Readonly<Record<string, Json>>;
  /** A condition over `record`, or null. */
  readonly filter: JsonObject | null;
  readonly text: Readonly<Record<string, number>>;
  readonly mode: 'incremental' | 'manual';
}

export interface IndexKeyDefinition {
  readonly name: string;
  readonly fields: readonly string[];
  /** `field`, `field:asc` or `field:desc` as written. */
  readonly sort: readonly { readonly field: string; readonly descending: boolean }[];
  readonly unique: boolean;
}

export interface AuthDefinition {
  readonly principals: PrincipalsDefinition;
  readonly passwords: { /** In characters. */ readonly minLength: number };
  readonly anonymousScopes: readonly string[];
  readonly scopes: readonly { readonly name: string; readonly actions: readonly string[] }[];
  readonly policies: readonly PolicyDefinition[];
}

/** Who may do what to which names. The first rule with a pattern that a name matches decides; what it does not list nobody may. */
export interface AccessDefinition {
  readonly name: string;
  readonly rules: readonly AccessRuleDefinition[];
}

export interface AccessRuleDefinition {
  /** As `language/name-pattern.ts` reads them. */
  readonly names: readonly string[];
  /** Who may not `read` is told that there is no such thing. */
  readonly hidden: boolean;
  /** By action: `$all`, `$authenticated`, user names, `role:x`, `org:x`, `scope:x`. */
  readonly actions: Readonly<Record<string, readonly string[]>>;
}

/** What a login gives: an opaque token, or a signed one (RFC 7519) whose expiry and subject its holder can read. */
export interface PrincipalsDefinition {
  readonly source: 'tokens' | 'jwt';
  readonly sessionSeconds: number;
  /** Of signed tokens: `iss` and `aud`; the registry's `type_id` by default. */
  readonly issuer: string;
  readonly audience: string;
  /** By how much the clocks of processes may differ before a signed token counts as not valid yet. */
  readonly clockSkewSeconds: number;
}

/** Cross-origin requests from browsers (the Fetch standard). */
export interface CorsDefinition {
  /** `https://host[:port]`, or `*` for all. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Request headers that pages may send. */
  readonly headers: readonly string[];
  /** Response headers that pages may read. */
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

export interface CachingDefinition {
  /** Null: off. */
  readonly responses: ResponseCacheDefinition | null;
  /** Null: off. */
  readonly blobs: BlobCacheDefinition | null;
  /** Of all responses that are kept ready; what is larger by itself is made anew each time. */
  readonly representationBytes: number;
}

/** Whole answers, kept in memory. */
export interface ResponseCacheDefinition {
  /** In lower case: an answer is kept for requests with the same values of these. */
  readonly varyHeaders: readonly string[];
  /** Of a body. */
  readonly maxEntryBytes: number;
  readonly ttlSeconds: number;
  /** A kept answer without an entity tag gets one, made of its body. */
  readonly useEtag: boolean;
  /** A kept answer says since when it has been as it is. */
  readonly useLastModified: boolean;
}

/** Small blobs, kept in memory. */
export interface BlobCacheDefinition {
  /** What is read stays longest; false: what came in last. */
  readonly pinOnAccess: boolean;
  /** Of all of them. */
  readonly maxBytes: number;
}

export interface PolicyDefinition {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  /** Dotted path to a list of values, any of which must match: `{"route.tags": ["public"]}`; roots `route` and `principal`. */
  readonly when: Readonly<Record<string, readonly Json[]>>;
  readonly requireScopes: readonly string[];
}

export interface UpstreamDefinition {
  readonly name: string;
  /** A template over `env`. */
  readonly baseUrl: string;
  readonly auth: {
    readonly mode: 'none' | 'basic' | 'bearer_token' | 'api_key' | 'challenge';
    readonly tokenEnv: string | null;
    readonly usernameEnv: string | null;
    readonly passwordEnv: string | null;
    readonly header: string;
  };
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly circuit: { readonly failures: number; readonly openMs: number } | null;
  readonly maxResponseBytes: number;
  readonly allowPrivateAddresses: boolean;
}

export interface OpsDefinition {
  readonly closedWorld: boolean;
  readonly allowed: readonly string[];
  readonly limits: LimitsDefinition;
}

export interface LimitsDefinition {
  readonly maxPipelineOps: number;
  readonly maxRequestBodyBytes: number;
  readonly maxJsonBytes: number;
  readonly maxJsonDepth: number;
  readonly maxKvValueBytes: number;
  readonly maxCpuMsPerRequest: number;
  /** For what is made once for all who ask: a representation, what a fill commits. */
  readonly maxCpuMsPerBuild: number;
  readonly maxIoOpsPerRequest: number;
}

export interface RouteDefinition {
  readonly id: string;
  /** Name of the pack, or null for a route of `schema.json`. */
  readonly pack: string | null;
  readonly methods: readonly string[];
  /** Full patterns: every mount with every path. */
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  readonly summary: string;
  readonly params: JsonObject | null;
  readonly query: JsonObject | null;
  readonly body: JsonObject | null;
  readonly returns: JsonObject | null;
  /** As written: whether its answers are to be kept; null leaves it to the engine. */
  readonly cache: boolean | null;
  /** Null: its answers are not kept. */
  readonly keeping: RouteKeeping | null;
  readonly pipeline: readonly StepDefinition[];
}

/** What kept answers of a route are found by, beside the request's target, the principal and the headers that caching varies on. */
export interface RouteKeeping {
  /** They show the address that the registry was asked under. */
  readonly byAddress: boolean;
}

export interface PipelineDefinition {
  readonly name: string;
  readonly pack: string | null;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly pipeline: readonly StepDefinition[];
}

/** A step as written, `when` lifted out of `args` when it stood there, and names resolved. */
export interface StepDefinition {
  readonly op: string;
  /** Arguments that are lists of steps hold step definitions, the same ones as `nested`. */
  readonly args: JsonObject;
  /** The arguments that are lists of steps (kind `pipeline`), by name. */
  readonly nested: Readonly<Record<string, readonly StepDefinition[]>>;
  readonly when: JsonObject | null;
  readonly catch: Readonly<Record<string, readonly StepDefinition[]>> | null;
  readonly label: string | null;
}

export interface ErrorEntryDefinition {
  readonly status: number | null;
  /** Templates. */
  readonly headers: Readonly<Record<string, Json>>;
  /** A template; null for the engine's own body. */
  readonly body: Json;
}

export interface EventDefinition {
  readonly name: string;
  readonly durable: boolean;
  /** JSON Schema of the payload, or null. */
  readonly schema: JsonObject | null;
}

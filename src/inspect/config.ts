import type { Definition, Json, JsonObject } from '../definition/types.ts';

/**
 * What a registry runs with, for administrators: which stores of which kind, which limits, which variables are set. Values of variables
 * are never in it, only whether there is one.
 */
export function configOf(definition: Definition, env: Readonly<Record<string, string | undefined>>): JsonObject {
  const isSet = (name: string | null) => name !== null && (env[name] ?? '') !== '';
  const kinds = (stores: Readonly<Record<string, { readonly kind: string }>>): JsonObject =>
    Object.fromEntries(Object.entries(stores).map(([name, { kind }]) => [name, { kind }]));
  const upstreams = Object.values(definition.upstreams).map((upstream): [string, Json] => [
    upstream.name,
    {
      base_url: upstream.baseUrl,
      auth: upstream.auth.mode,
      secrets: Object.fromEntries(
        [upstream.auth.tokenEnv, upstream.auth.usernameEnv, upstream.auth.passwordEnv]
          .filter((name) => name !== null)
          .map((name) => [name, isSet(name) ? 'set' : 'not set']),
      ),
      timeouts_ms: { connect: upstream.connectTimeoutMs, read: upstream.readTimeoutMs },
      max_attempts: upstream.maxAttempts,
    },
  ]);
  const { limits } = definition.ops;
  return {
    type_id: definition.typeId,
    schema_version: definition.schemaVersion,
    description: definition.description,
    packs: definition.packs.map(({ name, mounts }) => ({ name, mounts })),
    routes: definition.routes.length,
    record_stores: kinds(definition.kvStores),
    blob_stores: kinds(definition.blobStores),
    upstreams: Object.fromEntries(upstreams),
    env: Object.fromEntries(definition.env.map((name) => [name, isSet(name) ? 'set' : 'not set'])),
    features: definition.features,
    limits: {
      max_pipeline_ops: limits.maxPipelineOps,
      max_request_body_bytes: limits.maxRequestBodyBytes,
      max_json_bytes: limits.maxJsonBytes,
      max_json_depth: limits.maxJsonDepth,
      max_kv_value_bytes: limits.maxKvValueBytes,
      max_cpu_ms_per_request: limits.maxCpuMsPerRequest,
      max_cpu_ms_per_build: limits.maxCpuMsPerBuild,
      max_io_ops_per_request: limits.maxIoOpsPerRequest,
    },
  };
}

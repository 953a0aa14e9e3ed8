import type { LoadContext } from '../model.ts';
import type { ObjectReader } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { LimitsDefinition, OpsDefinition } from '../types.ts';
import { checkOperationName } from './auth.ts';

/** Limits where the definition names none. Bytes, levels, milliseconds and counts as the names say. */
export const DEFAULT_LIMITS: LimitsDefinition = Object.freeze({
  maxPipelineOps: 128,
  maxRequestBodyBytes: 2 ** 31,
  maxJsonBytes: 10 * 2 ** 20,
  maxJsonDepth: 64,
  maxKvValueBytes: 2 ** 20,
  maxCpuMsPerRequest: 200,
  maxCpuMsPerBuild: 10_000,
  maxIoOpsPerRequest: 5000,
});

/** `ops` of `schema.json`. The world is closed when `allowed` is given, unless `closed_world` says otherwise. */
export function readOps(context: LoadContext, owner: ObjectReader): OpsDefinition {
  const reader = owner.child('ops');
  if (reader === null) return { closedWorld: false, allowed: [], limits: DEFAULT_LIMITS };
  const allowed = reader.texts('allowed');
  const list = reader.json.allowed;
  allowed.forEach((name, index) => {
    if (Array.isArray(list)) checkOperationName(context, name, spotOf(list, index));
  });
  const closedWorld = reader.boolean('closed_world', reader.has('allowed'));
  const limits = readLimits(reader.child('limits'));
  reader.finish();
  return { closedWorld, allowed, limits };
}

function readLimits(reader: ObjectReader | null): LimitsDefinition {
  if (reader === null) return DEFAULT_LIMITS;
  const limits = {
    maxPipelineOps: reader.integer('max_pipeline_ops', DEFAULT_LIMITS.maxPipelineOps, 1),
    maxRequestBodyBytes: reader.integer('max_request_body_bytes', DEFAULT_LIMITS.maxRequestBodyBytes, 1),
    maxJsonBytes: reader.integer('max_json_bytes', DEFAULT_LIMITS.maxJsonBytes, 1),
    maxJsonDepth: reader.integer('max_json_depth', DEFAULT_LIMITS.maxJsonDepth, 1),
    maxKvValueBytes: reader.integer('max_kv_value_bytes', DEFAULT_LIMITS.maxKvValueBytes, 1),
    maxCpuMsPerRequest: reader.integer('max_cpu_ms_per_request', DEFAULT_LIMITS.maxCpuMsPerRequest, 1),
    maxCpuMsPerBuild: reader.integer('max_cpu_ms_per_build', DEFAULT_LIMITS.maxCpuMsPerBuild, 1),
    maxIoOpsPerRequest: reader.integer('max_io_ops_per_request', DEFAULT_LIMITS.maxIoOpsPerRequest, 1),
  };
  reader.finish();
  return limits;
}

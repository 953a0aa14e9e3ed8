import type { LoadContext } from '../model.ts';
import { type ObjectReader, openObject } from '../object-reader.ts';
import type { Spot } from '../places.ts';
import type { Json, JsonObject } from '../types.ts';
import { notRun } from './not-run.ts';

/** The form of a section that is kept as JSON: a leaf's type, the keys of an object, or (in a list of one) the items of a list. */
export type Shape =
  | 'text'
  | 'texts'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'object'
  | 'any'
  | OnFail
  | readonly [Shape]
  | { readonly [key: string]: Shape };

/** What is to be done where a check fails. */
const ON_FAIL = ['reject_config', 'abort_request', 'warn'] as const;
type OnFail = 'on_fail';

const CHECK: Shape = { id: 'text', require: 'object', on_fail: 'on_fail' };

export const SHAPES = {
  capabilities: { protocols: 'texts', storage: 'texts', features: 'texts' },
  replication: {
    mode: 'text',
    log: { store: 'text', key_prefix: 'text', ordering: 'text', max_event_bytes: 'integer' },
    shipping: {
      strategy: 'text',
      dedupe: { enabled: 'boolean', key: 'text' },
      batch: { max_events: 'integer', max_bytes: 'integer' },
    },
    replay: { idempotency: 'text', apply_pipelines: 'object' },
    apply_pipelines: 'object',
  },
  gc: {
    enabled: 'boolean',
    retention: { immutable_after_publish: 'boolean', keep_last_n_versions: 'integer', keep_tags_forever: 'boolean' },
    sweep: {
      schedule: { rrule: 'text' },
      mark: { sources: 'texts', mark_blobs_by: 'texts' },
      sweep_unreferenced_after_seconds: 'integer',
    },
  },
  invariants: { global: [{ id: 'text', assert: 'object' }] },
  validation: { load_time_checks: [CHECK], runtime_checks: [CHECK] },
} as const satisfies Record<string, Shape>;

/** Reads a section that is kept as JSON. An absent one is `{}`. */
export function readShaped(context: LoadContext, owner: ObjectReader, key: string, shape: Shape): JsonObject {
  const json = owner.object(key);
  if (json === null) return {};
  checkShape(context, json, shape, owner.at(key));
  return json;
}

/** Reports unknown keys and wrong types, and goes on inside. */
export function checkShape(context: LoadContext, json: Json, shape: Shape, spot: Spot): void {
  if (typeof shape === 'string' || isList(shape)) return;
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return;
  for (const [key, inner] of Object.entries(shape)) {
    if (reader.has(key)) checkMember(context, reader, key, inner);
    else reader.any(key);
  }
  reader.finish();
}

function checkMember(context: LoadContext, reader: ObjectReader, key: string, shape: Shape): void {
  if (shape === 'text') reader.requiredText(key);
  else if (shape === 'texts') reader.texts(key);
  else if (shape === 'boolean') reader.boolean(key, false);
  else if (shape === 'integer' || shape === 'number') reader.integer(key, 0);
  else if (shape === 'object') reader.object(key);
  else if (shape === 'any') reader.any(key);
  else if (shape === 'on_fail') reader.choice(key, ON_FAIL, 'reject_config');
  else if (isList(shape)) reader.list(key, (item, spot) => checkShape(context, item, shape[0], spot));
  else checkShape(context, reader.any(key) ?? null, shape, reader.at(key));
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** Warns of the sections that `schema.json` or a pack has and this version does not run. */
export function warnOfSectionsNotRun(context: LoadContext, owner: ObjectReader): void {
  const { json } = owner;
  if (owner.has('gc') && isEnabled(json.gc)) notRun(context, owner.at('gc'), 'Garbage collection');
  if (owner.has('commands') && !isEmpty(json.commands)) notRun(context, owner.at('commands'), '"commands"');
}

function isEnabled(json: Json | undefined): boolean {
  return typeof json === 'object' && json !== null && !('enabled' in json && json.enabled === false);
}

function isEmpty(json: Json | undefined): boolean {
  return (
    typeof json === 'object' &&
    json !== null &&
    Object.values(json).every((value) => Array.isArray(value) && value.length === 0)
  );
}

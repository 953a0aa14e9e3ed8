import type { Json, JsonObject } from '../definition/types.ts';
import type { OperationExample } from '../definition/vocabulary.ts';
import { mapValues, object } from './contents.ts';
import type { TrialOptions } from './trial.ts';

/** Kinds of the stores that an example runs on. */
export interface StoreKinds {
  readonly records: string;
  readonly memory: boolean;
  /** What opens record stores, where that is not the adapter of the kind. */
  readonly openRecordStore?: TrialOptions['openRecordStore'];
}

/** Environment variable that holds the address of an upstream's server. */
export function upstreamVariable(name: string): string {
  return `${name.toUpperCase()}_URL`;
}

/** The JSON of a one-file registry whose only route runs an example. */
export function exampleRegistry(example: OperationExample, kinds: StoreKinds): JsonObject {
  const { given } = example;
  const upstreams = mapValues(given.upstreams, (upstream, name) => ({
    base_url: `{env.${upstreamVariable(name)}}`,
    auth: { mode: 'none' },
    timeouts_ms: { connect: 2000, read: 5000 },
    retry: { max_attempts: 1, backoff_ms: 1 },
    allow_private_addresses: true,
    ...object(upstream),
  }));
  return {
    schema_version: '1.0',
    type_id: 'test.example',
    description: example.name,
    entities: given.entities ?? {},
    storage: {
      blob_stores: {
        primary: {
          kind: 'filesystem',
          root: 'blobs',
          addressing: { mode: 'content_addressed', digest: 'sha256', path_template: 'sha256/{digest:0:2}/{digest}' },
        },
      },
      kv_stores: { meta: { kind: kinds.records } },
      documents: mapValues(given.documents, (document) => ({ store: 'meta', ...object(document) })),
      schemas: given.schemas ?? {},
    },
    indexes: given.indexes ?? {},
    access: given.access ?? {},
    auth: { scopes: given.scopes ?? [], policies: [] },
    upstreams,
    env: [...new Set(JSON.stringify(upstreams).match(/(?<=\{env\.)[A-Z_]+/g) ?? [])],
    ops: { closed_world: false, limits: given.limits ?? {} },
    features: given.features ?? {},
    events: given.events ?? {},
    pipelines: given.pipelines ?? {},
    errors: {
      '*': { body: { error: { code: '{error.code}', message: '{error.message}', details: '$error.details' } } },
      ...object(given.errors),
    },
    api: {
      routes: [
        {
          id: 'example',
          method: object(given.request).method ?? 'GET',
          path: given.route ?? '/example',
          tags: [],
          summary: example.name,
          pipeline: pipelineOf(example),
        },
      ],
    },
  };
}

/** Variables, the steps, and a response that shows the bindings where the steps make none. */
function pipelineOf(example: OperationExample): readonly Json[] {
  const steps: Json[] = [];
  const variables = mapValues(example.given.variables, (value) => ({ $literal: value }));
  if (Object.keys(variables).length > 0) steps.push({ op: 'set', args: variables });
  steps.push(...(Array.isArray(example.step) ? (example.step as readonly Json[]) : [example.step]));
  if (example.expect.response === undefined) {
    const body = mapValues(example.expect.bindings, (_value, name) => `$${name}`);
    steps.push({ op: 'respond.json', args: { status: 200, body } });
  }
  return steps;
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../src/definition/types.ts';
import { compile, type RoutePlan } from '../../src/engine/compile.ts';
import type { Run, SessionIdentity, Signal } from '../../src/engine/contract.ts';
import { RequestSession } from '../../src/engine/session.ts';
import { openDefinition, type Registry, readDefinition, vocabulary } from '../../src/main.ts';
import { HANDLERS } from '../../src/operations/index.ts';
import type { MaybePromise } from '../../src/shared/maybe-promise.ts';

/** Pipelines of a registry of the bench's own, to be run without a server and, but for `handle`, without a request. */
export interface Pipelines {
  readonly registry: Registry;
  /** A run of one by its id, each time with a frame and a session of its own, as a request has them. */
  runOf(id: string): () => MaybePromise<Signal>;
  /** A request to one. */
  requestOf(id: string): () => MaybePromise<unknown>;
  close(): Promise<void>;
}

/** What the path parameters of all pipelines are. */
export const PARAMETERS = { namespace: 'acme', name: 'left-pad', version: '1.12.3', variant: 'any' } as const;

/** Opens a registry in a folder with these pipelines by id; what is not held in memory is on SQLite, in the same folder. */
export async function openPipelines(
  pipelines: Readonly<Record<string, readonly Json[]>>,
  folder: string,
  memory: boolean,
): Promise<Pipelines> {
  const path = join(folder, 'registry.json');
  writeFileSync(path, JSON.stringify(definitionOf(pipelines)));
  const words = await vocabulary();
  const { definition, findings } = await readDefinition(path);
  if (definition === null) throw new Error(findings.map(({ message }) => message).join('\n'));
  const registry = await openDefinition(definition, words, { data: join(folder, 'data'), memory, env: {} });
  const plan = compile({ definition, vocabulary: words, handlers: HANDLERS, upstreams: new Map() });
  const routes = new Map(plan.routes.map((entry) => [entry.route.id, entry]));
  return {
    registry,
    runOf(id) {
      const route = routes.get(id);
      if (route === undefined) throw new Error(`There is no pipeline "${id}"`);
      return () => runRoute(route, registry);
    },
    requestOf: (id) => () =>
      registry.handle({
        method: 'GET',
        target: `/${id}/${Object.values(PARAMETERS).join('/')}`,
        headers: [],
        body: null,
        contentLength: null,
        ip: '127.0.0.1',
        baseUrl: 'http://registry.test',
        signal: NEVER,
      }),
    close: () => registry.close(),
  };
}

const NEVER = new AbortController().signal;
const SOMEBODY = Object.freeze({ sub: 'somebody', scopes: ['*'], roles: [], org: null });
const NO_REQUEST = Object.freeze({
  method: 'GET',
  path: '/',
  query: {},
  headers: {},
  url: '',
  base_url: '',
  ip: '127.0.0.1',
  body: null,
});

function runRoute(route: RoutePlan, { runtime }: Registry): MaybePromise<Signal> {
  const slots: unknown[] = route.emptySlots.slice();
  for (const [name, slot] of route.params) slots[slot] = PARAMETERS[name as keyof typeof PARAMETERS];
  const run: Run = {
    slots,
    request: NO_REQUEST,
    principal: SOMEBODY,
    route: route.view,
    registry: route.registry,
    env: {},
    session: new RequestSession(runtime, NO_IDENTITY, { signal: NEVER }, SOMEBODY, performance.now()),
  };
  return route.run(run);
}

/** No pipeline here asks who somebody is. */
const NO_IDENTITY = Object.freeze({}) as SessionIdentity;

/** The packages' entity with four fields, and a document. */
function definitionOf(pipelines: Readonly<Record<string, readonly Json[]>>): object {
  const name = { type: 'string', normalize: ['trim', 'lower'] };
  const pattern = '^[a-z0-9][a-z0-9._-]{0,127}$';
  return {
    schema_version: '1.0',
    type_id: 'bench.engine',
    entities: {
      artifact: {
        fields: {
          namespace: name,
          name: { type: 'string', normalize: ['trim', 'lower', 'replace:_:-'] },
          version: { type: 'string', normalize: ['trim'] },
          variant: name,
        },
        primary_key: ['namespace', 'name', 'version', 'variant'],
        constraints: [
          { field: 'namespace', regex: pattern },
          { field: 'name', regex: pattern },
          { field: 'version', regex: VERSION_PATTERN },
          { field: 'variant', regex: pattern },
        ],
      },
    },
    storage: {
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs' } },
      kv_stores: { meta: { kind: 'sqlite' } },
      documents: { item: { store: 'meta', key_template: 'item/{id}' } },
    },
    ops: { closed_world: false, limits: { max_pipeline_ops: 512, max_cpu_ms_per_request: 60_000 } },
    api: {
      routes: Object.entries(pipelines).map(([id, pipeline]) => ({
        id,
        method: 'GET',
        path: `/${id}/{namespace}/{name}/{version}/{variant}`,
        pipeline,
      })),
    },
  };
}

export const VERSION_PATTERN = '^v?[0-9][A-Za-z0-9._+-]{0,127}$';

import type { Definition, RouteDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import type { RegistryView, RouteView } from '../language/frame.ts';
import { createSchemaCompiler, type SchemaValidator } from '../language/json-schema.ts';
import { type PathPattern, parsePathPattern } from '../language/path-pattern.ts';
import { createRouter, type Router } from '../language/path-router.ts';
import type { CollectionSpec, ProjectRecord } from '../ports/record-store.ts';
import type { Upstream } from '../ports/upstream.ts';
import { whenReady } from '../shared/maybe-promise.ts';
import { parseJsonText } from '../shared/parse-json.ts';
import type { CompileContext, CompiledPipeline } from './compile-context.ts';
import { compileSharedPipeline, compileSteps } from './compile-pipeline.ts';
import type { IndexPlan, OperationHandler, StepRun } from './contract.ts';
import { compileDocuments, type DocumentRules } from './documents.ts';
import { compileErrorTables, type ErrorTable, type ErrorTables } from './error-tables.ts';
import { compilePolicies, type Judge } from './policies.ts';
import type { RouteCaching } from './response-cache.ts';
import { PipelineScope } from './scope.ts';
import { walkSteps } from './walk-steps.ts';
import type { StepWatch } from './watch.ts';

/** A definition, compiled: what requests run. Nothing in it is looked up by name, scanned or parsed per request. */
export interface Plan {
  readonly definition: Definition;
  readonly router: Router<RoutePlan>;
  readonly routes: readonly RoutePlan[];
  readonly errors: ErrorTables;
  readonly documents: ReadonlyMap<string, DocumentRules>;
  readonly indexes: ReadonlyMap<string, IndexPlan>;
  /** What each record store must hold, by the store's name. */
  collections(store: string): readonly CollectionSpec[];
  readonly project: ProjectRecord;
  /** `registry` outside any route. */
  readonly registry: RegistryView;
}

export interface RoutePlan {
  readonly route: RouteDefinition;
  readonly view: RouteView;
  readonly registry: RegistryView;
  readonly judge: Judge | null;
  readonly errors: ErrorTable;
  readonly run: StepRun;
  /** The pipeline uses the cache: the store's sequence is noted before it reads anything. */
  readonly usesCache: boolean;
  /** Null: its answers are made anew each time. */
  readonly caching: RouteCaching | null;
  /** A frame's slots as a request finds them, before its path parameters. */
  readonly emptySlots: readonly null[];
  /** Slots of path parameters. */
  readonly params: ReadonlyMap<string, number>;
}

export interface CompileOptions {
  readonly definition: Definition;
  readonly vocabulary: Vocabulary;
  readonly handlers: ReadonlyMap<string, OperationHandler>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Who looks on as steps run. */
  readonly watch?: StepWatch | null;
}

/** Compiles a definition that the checker found no error in. */
export function compile(options: CompileOptions): Plan {
  const { definition, vocabulary, handlers, upstreams } = options;
  const schemas = createSchemaCompiler(definition.schemas as Readonly<Record<string, object>>, { trusted: true });
  const validators = new Map<string, SchemaValidator>();
  const schema = (schemaOrName: object | string): SchemaValidator => {
    if (typeof schemaOrName !== 'string') return schemas.compile(schemaOrName);
    let validator = validators.get(schemaOrName);
    if (validator === undefined) {
      validator = schemas.compile(schemaOrName);
      validators.set(schemaOrName, validator);
    }
    return validator;
  };
  const { documents, indexes } = compileDocuments(definition, schema);
  const shared = new Map<string, CompiledPipeline>();
  const context: CompileContext = {
    definition,
    vocabulary,
    handlers,
    document: (name) => known(documents.get(name), 'document', name).plan,
    index: (name) => known(indexes.get(name), 'index', name),
    upstream: (name) => known(upstreams.get(name), 'upstream', name),
    schema: (schemaOrName, coerce) =>
      coerce === true ? schemas.compile(schemaOrName, { coerce }) : schema(schemaOrName),
    steps: (steps, scope, path) => compileSteps(context, steps, scope, path),
    pipeline(name) {
      let pipeline = shared.get(name);
      if (pipeline === undefined) {
        pipeline = compileSharedPipeline(context, name);
        shared.set(name, pipeline);
      }
      return pipeline;
    },
    watch: options.watch ?? null,
  };
  const errors = compileErrorTables(definition);
  const entries = definition.routes.map((route) => {
    const patterns = route.paths.map((path) => parsePathPattern(path));
    return { patterns, plan: compileRoute(context, errors, route, patterns) };
  });
  const router = createRouter(
    entries.flatMap(({ patterns, plan }) =>
      patterns.map((pattern) => ({ methods: plan.route.methods, pattern, value: plan })),
    ),
  );
  return Object.freeze({
    definition,
    router,
    routes: entries.map(({ plan }) => plan),
    errors,
    documents,
    indexes,
    registry: registryView(definition, null),
    collections: (store: string) =>
      [...documents.values()].filter((rules) => rules.plan.store === store).map((rules) => rules.collection),
    project: (collection: string, _key: string, value: string) =>
      whenReady(known(documents.get(collection), 'document', collection).project(parseJsonText(value)), (rows) => rows),
  });
}

function compileRoute(
  context: CompileContext,
  errors: ErrorTables,
  route: RouteDefinition,
  patterns: readonly PathPattern[],
): RoutePlan {
  const scope = new PipelineScope();
  const params = new Map<string, number>();
  for (const pattern of patterns) for (const { name } of pattern.params) params.set(name, scope.bind(name));
  const run = compileSteps(context, route.pipeline, scope, '');
  return Object.freeze({
    route,
    view: Object.freeze({
      id: route.id,
      tags: route.tags,
      pack: route.pack,
      method: route.methods[0] ?? '',
      path: route.paths[0] ?? '',
    }),
    registry: registryView(context.definition, route.pack),
    judge: compilePolicies(context.definition, route),
    errors: errors.forPack(route.pack),
    run,
    usesCache: [...walkSteps(context.definition, context.vocabulary, route.pipeline)].some((step) =>
      step.op.startsWith('cache.'),
    ),
    caching: route.keeping === null ? null : { prefix: JSON.stringify(route.id), ...route.keeping },
    emptySlots: new Array<null>(scope.size).fill(null),
    params,
  });
}

/** `registry` as the routes of a pack see it: the pack's features, which those of `schema.json` override. */
function registryView(definition: Definition, pack: string | null): RegistryView {
  const known = definition.packs.find((entry) => entry.name === pack);
  const entities = definition.raw.entities as Readonly<Record<string, unknown>> | undefined;
  return Object.freeze({
    features: Object.freeze({ ...known?.features, ...definition.features }),
    versioning: (entities?.versioning ?? {}) as Readonly<Record<string, unknown>>,
    mount: known?.mounts[0] ?? '',
  });
}

function known<T>(value: T | undefined, kind: string, name: string): T {
  if (value === undefined) throw new Error(`The checker let the ${kind} ${name} pass`);
  return value;
}

import type { Definition, JsonObject, RouteDefinition, StepDefinition } from '../definition/types.ts';
import type { OperationDefinition, ReferenceTarget, Vocabulary } from '../definition/vocabulary.ts';
import type { Plan } from '../engine/compile.ts';
import { policiesOf } from '../engine/policies.ts';
import type { StepSite } from '../engine/watch.ts';
import type { RecordStore } from '../ports/record-store.ts';
import { type RouteRow, routeRows } from './routes.ts';
import { memberAt, readsOf } from './step-reads.ts';
import { type Declared, workOf } from './step-work.ts';

/** A route as it is compiled: what a person asks when it does not do what they think. Holds nothing that a definition does not. */
export interface ExplainedRoute extends RouteRow {
  /** Judged before the first step. */
  readonly policies: readonly {
    readonly name: string;
    readonly effect: 'allow' | 'deny';
    readonly scopes: readonly string[];
  }[];
  /** Bound before the first step. */
  readonly params: readonly string[];
  readonly steps: readonly ExplainedStep[];
}

export interface ExplainedStep {
  /** As errors and traces name it: `3`, `3.then.1`, `add_artifact.2`. */
  readonly place: string;
  readonly op: string;
  readonly label: string | null;
  readonly summary: string;
  readonly effect: string;
  /** The condition under which it runs, as written. */
  readonly when: JsonObject | null;
  /** As written, without the lists of steps. */
  readonly args: JsonObject;
  /** Paths that the condition and the arguments read. */
  readonly reads: readonly string[];
  readonly binds: readonly string[];
  /** What it touches of what is declared. */
  readonly touches: readonly { readonly kind: ReferenceTarget; readonly name: string; readonly detail: string }[];
  /** What it asks of record stores; reads happen when it runs, writes when its transaction commits. */
  readonly statements: readonly { readonly when: 'now' | 'commit'; readonly store: string; readonly text: string }[];
  /** Of a transaction, all of whose steps run again when another commit got in between. */
  readonly transaction: 'begin' | 'inside' | 'end' | null;
  readonly errors: readonly string[];
  /** Lists of steps in it: `then`, `catch NOT_FOUND`, `pipeline packages.add_artifact`. */
  readonly inner: readonly { readonly title: string; readonly steps: readonly ExplainedStep[] }[];
}

export interface ExplainOptions {
  readonly definition: Definition;
  readonly vocabulary: Vocabulary;
  /** Compiled of this route alone, so that places are its own. */
  readonly plan: Plan;
  /** As the compiler saw the steps. */
  readonly sites: readonly StepSite[];
  readonly store: (name: string) => RecordStore;
}

interface Context extends ExplainOptions {
  readonly declared: Declared;
  readonly bindsAt: ReadonlyMap<string, readonly string[]>;
}

/** Explains a route step by step, with the pipelines that it calls where it calls them. */
export function explainRoute(route: RouteDefinition, options: ExplainOptions): ExplainedRoute {
  const { definition, vocabulary, plan } = options;
  const context: Context = {
    ...options,
    declared: {
      document: (name) => plan.documents.get(name)?.plan ?? null,
      index: (name) => plan.indexes.get(name) ?? null,
      eventStore: Object.keys(definition.kvStores)[0] ?? '',
    },
    bindsAt: new Map(options.sites.map((site) => [site.place, [...new Set(site.binds.map(({ name }) => name))]])),
  };
  const row = routeRows({ ...definition, routes: [route] }, vocabulary)[0];
  if (row === undefined) throw new Error('A route has a row');
  return {
    ...row,
    policies: policiesOf(definition, route).map(({ name, effect, requireScopes }) => ({
      name,
      effect,
      scopes: requireScopes,
    })),
    params: [...(plan.routes.find((entry) => entry.route.id === route.id)?.params.keys() ?? [])],
    steps: explainSteps(context, route.pipeline, '', false),
  };
}

function explainSteps(
  context: Context,
  steps: readonly StepDefinition[],
  path: string,
  isInside: boolean,
): readonly ExplainedStep[] {
  let open = isInside;
  return steps.map((step, index) => {
    if (step.op === 'txn.begin') open = true;
    const transaction = step.op === 'txn.begin' ? 'begin' : isEnd(step) && open ? 'end' : open ? 'inside' : null;
    const explained = explainStep(context, step, `${path}${index + 1}`, transaction, open);
    // An abort deeper than its begin ends it on that way only.
    if (isEnd(step) && !isInside) open = false;
    return explained;
  });
}

function isEnd(step: StepDefinition): boolean {
  return step.op === 'txn.commit' || step.op === 'txn.abort';
}

function explainStep(
  context: Context,
  step: StepDefinition,
  place: string,
  transaction: ExplainedStep['transaction'],
  isOpen: boolean,
): ExplainedStep {
  const operation = context.vocabulary.get(step.op);
  if (operation === undefined) throw new Error(`The checker let the operation ${step.op} pass`);
  const lists = Object.entries(step.nested).map(([name, steps]) => ({
    title: name,
    steps: explainSteps(context, steps, `${place}.${name}.`, isOpen),
  }));
  const catches = Object.entries(step.catch ?? {}).map(([code, steps]) => ({
    title: `catch ${code}`,
    steps: explainSteps(context, steps, `${place}.catch.${code}.`, isOpen),
  }));
  const touches = touchesOf(context, operation, step);
  const calls = touches
    .filter(({ kind }) => kind === 'pipeline')
    .map(({ name }) => ({
      title: `pipeline ${name}`,
      steps: explainSteps(context, context.definition.pipelines[name]?.pipeline ?? [], `${name}.`, isOpen),
    }));
  return {
    place,
    op: step.op,
    label: step.label,
    summary: operation.summary,
    effect: operation.effect,
    when: step.when,
    args: Object.fromEntries(Object.entries(step.args).filter(([name]) => !Object.hasOwn(step.nested, name))),
    reads: readsOf(context.definition, operation, step),
    binds: context.bindsAt.get(place) ?? [],
    touches,
    statements: workOf(step, context.declared).flatMap(({ store, when, work }) =>
      (context.store(store).explain?.(work) ?? []).map((text) => ({ when, store, text: text.replace(/\s+/g, ' ') })),
    ),
    transaction,
    errors: operation.errors,
    inner: [...lists, ...calls, ...catches],
  };
}

function touchesOf(context: Context, operation: OperationDefinition, step: StepDefinition): ExplainedStep['touches'] {
  return Object.entries(operation.args).flatMap(([argument, { to }]) => {
    const value = memberAt(step.args, argument);
    if (to === null || value === undefined) return [];
    return [value]
      .flat()
      .map((name) => ({ kind: to, name: String(name), detail: detailOf(context, to, String(name)) }));
  });
}

function detailOf({ definition, declared }: Context, kind: ReferenceTarget, name: string): string {
  switch (kind) {
    case 'document': {
      const document = definition.documents[name];
      return document === undefined ? '' : `${document.keyTemplate} in ${document.store}`;
    }
    case 'index': {
      const index = declared.index(name);
      return index === null ? '' : `of ${index.document.name}, keys ${index.keys.map((key) => key.name).join(', ')}`;
    }
    case 'access':
      return (definition.access[name]?.rules ?? []).map(({ names }) => names.join(', ')).join('; ');
    case 'entity':
      return Object.keys(definition.entities[name]?.fields ?? {}).join(', ');
    case 'blob_store':
      return definition.blobStores[name]?.kind ?? '';
    case 'upstream': {
      const upstream = definition.upstreams[name];
      return upstream === undefined ? '' : `${upstream.baseUrl}, ${upstream.maxAttempts} attempts at most`;
    }
    default:
      return '';
  }
}

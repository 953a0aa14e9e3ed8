import type { Definition, RouteDefinition, StepDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { policiesOf } from '../engine/policies.ts';

/** A route in a list. */
export interface RouteRow {
  readonly id: string;
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  /** Null for a route of `schema.json`. */
  readonly pack: string | null;
  readonly tags: readonly string[];
  /** What its policies and its own steps ask for, sorted. */
  readonly scopes: readonly string[];
  readonly summary: string;
}

/** All routes in the order of their paths. */
export function routeRows(definition: Definition, vocabulary: Vocabulary): readonly RouteRow[] {
  return definition.routes
    .map((route) => ({
      id: route.id,
      methods: route.methods,
      paths: route.paths,
      pack: route.pack,
      tags: route.tags,
      scopes: scopesOf(definition, vocabulary, route),
      summary: route.summary,
    }))
    .sort((a, b) => compare(`${a.paths[0]} ${a.methods[0]}`, `${b.paths[0]} ${b.methods[0]}`));
}

/** Scopes that somebody must hold on at least one way through the route. */
export function scopesOf(definition: Definition, vocabulary: Vocabulary, route: RouteDefinition): readonly string[] {
  const allowing = policiesOf(definition, route).filter((policy) => policy.effect === 'allow');
  const asked = new Set(allowing.flatMap((policy) => policy.requireScopes));
  for (const step of ownSteps(route.pipeline)) {
    for (const [name, argument] of Object.entries(vocabulary.get(step.op)?.args ?? {})) {
      const value = step.args[name];
      if (argument.to !== 'scope') continue;
      for (const scope of Array.isArray(value) ? value : [value]) if (typeof scope === 'string') asked.add(scope);
    }
  }
  return [...asked].sort(compare);
}

/** The steps of a list and of the lists in it; not those of the pipelines it calls. */
function* ownSteps(steps: readonly StepDefinition[]): Generator<StepDefinition> {
  for (const step of steps) {
    yield step;
    for (const list of Object.values(step.nested)) yield* ownSteps(list);
    for (const list of Object.values(step.catch ?? {})) yield* ownSteps(list);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import type { Definition, Json, PolicyDefinition, RouteDefinition, StepDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { walkSteps } from '../engine/walk-steps.ts';
import type { PrincipalView } from '../language/frame.ts';

const REFUSALS: readonly string[] = ['UNAUTHORIZED', 'FORBIDDEN', 'INVALID_CREDENTIALS'];

/** What a definition says of who may use a route; read off its JSON, apart from the code that enforces it. */
export interface RouteRules {
  /** Deny policies that speak of it. */
  readonly denies: readonly PolicyDefinition[];
  /** Allow policies that speak of it. */
  readonly allows: readonly PolicyDefinition[];
  /** Scopes that its steps require whatever comes. */
  readonly required: readonly string[];
  /** Its steps ask for access to a name, whatever comes. */
  readonly asksForAccess: boolean;
  /** Some step may refuse under conditions. */
  readonly mayRefuse: boolean;
  /** Operations of its steps that write records, indexes, events or blobs. */
  readonly writes: readonly string[];
}

export function rulesOf(definition: Definition, vocabulary: Vocabulary, route: RouteDefinition): RouteRules {
  const speaking = definition.auth.policies.filter((policy) => speaks(policy, route));
  const steps = [...walkSteps(definition, vocabulary, route.pipeline)];
  const certain = certainSteps(definition, route.pipeline);
  const puts = ({ op, args }: StepDefinition) =>
    op === 'blob.put' || op === 'blob.fill' || (op === 'parse.json' && Object.hasOwn(args, 'spill'));
  const writes = steps.filter((step) => puts(step) || vocabulary.get(step.op)?.effect === 'write').map(({ op }) => op);
  return {
    denies: speaking.filter(({ effect }) => effect === 'deny'),
    allows: speaking.filter(({ effect }) => effect === 'allow'),
    required: certain.filter(isScopeStep).flatMap(scopesOf),
    asksForAccess: certain.some(({ op }) => op === 'auth.require_access'),
    mayRefuse: steps.some((step) =>
      isScopeStep(step)
        ? !certain.includes(step)
        : raisesRefusal(vocabulary, step) || (!certain.includes(step) && refuses(step)),
    ),
    writes: [...new Set(writes)].sort(),
  };
}

/** Whether policies and required scopes let a principal in. */
export function isAdmitted(definition: Definition, rules: RouteRules, principal: PrincipalView): boolean {
  const { denies, allows, required } = rules;
  const holds = (policy: PolicyDefinition) =>
    Object.entries(policy.when).every(
      ([path, values]) => !path.startsWith('principal.') || matches(principalMember(principal, path), values),
    ) && policy.requireScopes.every((scope) => hasScope(definition, principal.scopes, scope));
  if (denies.some(holds)) return false;
  if (allows.length > 0 && !allows.some(holds)) return false;
  return required.every((scope) => hasScope(definition, principal.scopes, scope));
}

/** Operations among `ops` that no scope of a principal reaches. */
export function outOfReach(
  definition: Definition,
  principal: PrincipalView,
  ops: readonly string[],
): readonly string[] {
  const held = definition.auth.scopes.filter(({ name }) => principal.scopes.includes(name));
  return ops.filter((op) => !held.some(({ actions }) => actions.includes('*') || actions.includes(op)));
}

function hasScope(definition: Definition, held: readonly string[], wanted: string): boolean {
  if (held.includes(wanted)) return true;
  return definition.auth.scopes.some(({ name, actions }) => actions.includes('*') && held.includes(name));
}

function speaks({ when }: PolicyDefinition, route: RouteDefinition): boolean {
  const members: Readonly<Record<string, readonly Json[]>> = {
    'route.id': [route.id],
    'route.tags': route.tags,
    'route.pack': [route.pack],
    'route.method': route.methods,
    'route.path': route.paths,
  };
  return Object.entries(when).every(
    ([path, values]) => !path.startsWith('route.') || matches(members[path] ?? [], values),
  );
}

function principalMember(principal: PrincipalView, path: string): readonly Json[] {
  const { sub, scopes, roles, org } = principal;
  const members: Readonly<Record<string, readonly Json[]>> = {
    'principal.sub': [sub],
    'principal.scopes': scopes,
    'principal.roles': roles,
    'principal.org': [org],
  };
  return members[path] ?? [];
}

function matches(actual: readonly Json[], wanted: readonly Json[]): boolean {
  return actual.some((value) => wanted.includes(value));
}

/** Steps that every request comes to unless an earlier one ends it: those of the list itself and of pipelines that it calls. */
function certainSteps(
  definition: Definition,
  steps: readonly StepDefinition[],
  called: ReadonlySet<string> = new Set(),
): readonly StepDefinition[] {
  return steps
    .filter((step) => step.when === null && step.catch === null)
    .flatMap((step) => {
      const name = step.op === 'flow.call' ? step.args.pipeline : null;
      const pipeline = typeof name === 'string' && !called.has(name) ? definition.pipelines[name] : undefined;
      if (pipeline === undefined) return [step];
      return [step, ...certainSteps(definition, pipeline.pipeline, new Set([...called, String(name)]))];
    });
}

function isScopeStep({ op }: StepDefinition): boolean {
  return op === 'auth.require_scopes';
}

/** Whether an operation refuses by what only a request knows: a name, a password, whose a token is. */
function raisesRefusal(vocabulary: Vocabulary, { op }: StepDefinition): boolean {
  return vocabulary.get(op)?.errors.some((code) => REFUSALS.includes(code)) ?? false;
}

function scopesOf({ args }: StepDefinition): readonly string[] {
  return Array.isArray(args.scopes) ? args.scopes.map(String) : [String(args.scopes)];
}

/** Whether a step answers 401 or 403 by itself, or may (a status that is computed). */
function refuses({ op, args }: StepDefinition): boolean {
  return op === 'respond.error' && [401, 403].includes(Number(args.status));
}

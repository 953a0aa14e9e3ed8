import { memberObject } from '../declare.ts';
import type { RouteNode, StepNode } from '../model.ts';
import { isObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json, PolicyDefinition } from '../types.ts';
import type { LintContext } from './context.ts';
import { asksUpstream, someStep } from './effects.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Policies speak of routes that are there, scopes are asked for, and they list the operations of the routes that ask for them. */
export const scopesRule: Rule = {
  codes: ['SCOPE_UNUSED', 'POLICY_UNUSED', 'ROUTE_UNGUARDED', 'OPERATION_UNLISTED'],
  run(context) {
    const { auth, model, schema } = context;
    const section = memberObject(schema, 'auth');
    const asked = new Set([...auth.anonymousScopes, ...auth.policies.flatMap((policy) => policy.requireScopes)]);
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) for (const scope of scopesOf(step)) asked.add(scope);
    }
    for (const { rules } of model.access.values()) {
      for (const who of rules.flatMap(({ definition }) => Object.values(definition.actions).flat())) {
        if (who.startsWith('scope:')) asked.add(who.slice('scope:'.length));
      }
    }
    forEachNamed(section.scopes, auth.scopes, (scope, spot) => {
      if (asked.has(scope.name) || scope.actions.includes('*')) return;
      const message = `Nothing asks for the scope "${scope.name}": whoever has it may do nothing more`;
      context.reporter.report('SCOPE_UNUSED', spot, message, { fix: 'Require it in a policy, or remove it' });
    });
    forEachNamed(section.policies, auth.policies, (policy, spot) => {
      if (model.routes.some((route) => speaksOf(policy, route))) return;
      const message = `The policy "${policy.name}" speaks of no route`;
      context.reporter.report('POLICY_UNUSED', spot, message, { fix: 'Compare its "when" with the routes' });
    });
    if (auth.scopes.length > 0) for (const route of model.routes) checkRoute(context, route);
  },
};

function forEachNamed<T extends { readonly name: string }>(
  json: Json | undefined,
  items: readonly T[],
  run: (item: T, spot: Spot) => void,
): void {
  if (!Array.isArray(json)) return;
  for (const written of json) {
    const item = isObject(written) ? items.find(({ name }) => name === written.name) : undefined;
    if (item !== undefined && isObject(written)) run(item, spotOf(written, 'name'));
  }
}

function checkRoute(context: LintContext, route: RouteNode): void {
  const { auth } = context;
  const { id } = route.definition;
  const policies = auth.policies.filter((policy) => speaksOf(policy, route));
  const steps = route.list.steps;
  const required = new Set([
    ...policies.filter(({ effect }) => effect === 'allow').flatMap(({ requireScopes }) => requireScopes),
    ...steps.flatMap((step) => scopesOf(step)),
  ]);
  const asks = (step: StepNode) => step.op === 'auth.require_scopes' || step.op === 'auth.require_access';
  if (policies.length === 0 && !someStep(context, route.list, asks)) {
    if (!someStep(context, route.list, (step) => step.operation?.effect === 'write')) return;
    const fix = 'Begin it with "auth.require_scopes", or give it a tag that a policy speaks of';
    context.reporter.report('ROUTE_UNGUARDED', route.spot, `Anybody may write through the route "${id}"`, { fix });
    return;
  }
  // That a scope is named which nobody declares was said already.
  const isDeclared = [...required].every((name) => auth.scopes.some((scope) => scope.name === name));
  if (required.size === 0 || !isDeclared) return;
  const actions = auth.scopes.filter(({ name }) => required.has(name)).flatMap((scope) => scope.actions);
  const missing = [...operationsOf(context, route)].filter((op) => !actions.some((action) => covers(action, op)));
  if (missing.length === 0) return;
  const names = [...required].map((name) => `"${name}"`).join(', ');
  const message = `The route "${id}" needs ${missing.join(', ')}, which the scopes that it requires (${names}) do not list`;
  const fix = 'Add the operations to the "actions" of a scope, or require another scope';
  context.reporter.report('OPERATION_UNLISTED', spotOf(route.json, 'id'), message, { fix });
}

/** Operations of a route that reach records, blobs, events, caches or upstreams. */
function operationsOf(context: LintContext, route: RouteNode): ReadonlySet<string> {
  const found = new Set<string>();
  someStep(context, route.list, (step) => {
    if (reaches(step)) found.add(step.op);
    return false;
  });
  return found;
}

const REACHED: readonly (string | null | undefined)[] = ['document', 'index', 'blob_store', 'upstream', 'event'];

function reaches(step: StepNode): boolean {
  const { operation } = step;
  if (operation === null || (operation.effect === 'respond' && !asksUpstream(step))) return false;
  if (['read', 'write', 'deferred'].includes(operation.effect)) return true;
  return Object.values(operation.args).some(({ to }) => REACHED.includes(to));
}

function covers(action: string, op: string): boolean {
  return action === '*' || action === op || (action.endsWith('.*') && op.startsWith(action.slice(0, -1)));
}

function scopesOf(step: StepNode): readonly string[] {
  return step.args.flatMap((node) => (node.definition?.to === 'scope' ? node.references : []));
}

/** As far as the route decides: what a policy says of principals is not known here. */
function speaksOf(policy: PolicyDefinition, { definition }: RouteNode): boolean {
  const { id, tags, pack, methods, paths } = definition;
  const view: Readonly<Record<string, readonly Json[]>> = {
    'route.id': [id],
    'route.tags': tags,
    'route.pack': [pack],
    'route.method': methods,
    'route.path': paths,
  };
  return Object.entries(policy.when).every(([path, wanted]) => {
    const values = view[path];
    return values === undefined || values.some((value) => wanted.includes(value));
  });
}

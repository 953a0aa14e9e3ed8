import type { Definition, Json, PolicyDefinition, RouteDefinition } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { PrincipalView } from '../language/frame.ts';
import { member } from '../language/member.ts';

/** Judges a principal before the pipeline runs: UNAUTHORIZED for anonymous, FORBIDDEN for a known one. */
export type Judge = (principal: PrincipalView) => void;

/**
 * The policies that speak of a route, resolved at load. Deny wins. Where allow policies speak of the route, one of them must hold;
 * where none does, the route's own steps decide.
 * Null: nothing to judge.
 */
export function compilePolicies(definition: Definition, route: RouteDefinition): Judge | null {
  const grants = scopeGrants(definition);
  const speaking = policiesOf(definition, route);
  const denies = speaking.filter((policy) => policy.effect === 'deny');
  const allows = speaking.filter((policy) => policy.effect === 'allow');
  if (denies.length === 0 && allows.length === 0) return null;
  const denying = denies.map((policy) => compilePolicy(policy, grants));
  const allowing = allows.map((policy) => compilePolicy(policy, grants));
  // Whom it let in last: often nobody, who is always one and the same.
  let known: PrincipalView | null = null;
  return (principal) => {
    if (principal === known) return;
    const denied = denying.some((holds) => holds(principal));
    if (!denied && (allowing.length === 0 || allowing.some((holds) => holds(principal)))) {
      known = principal;
      return;
    }
    throw new RegistryError(principal.sub === null ? 'UNAUTHORIZED' : 'FORBIDDEN');
  };
}

/** The policies that speak of a route, whoever asks. */
export function policiesOf(definition: Definition, route: RouteDefinition): readonly PolicyDefinition[] {
  return definition.auth.policies.filter((policy) => matchesRoute(policy, route));
}

/** Whether scopes held include one that is asked for; a scope whose actions are `*` includes all. */
export function scopeGrants(definition: Definition): (held: readonly string[], wanted: string) => boolean {
  const all = new Set(definition.auth.scopes.filter((scope) => scope.actions.includes('*')).map((scope) => scope.name));
  return (held, wanted) => held.includes(wanted) || (all.size > 0 && held.some((scope) => all.has(scope)));
}

function matchesRoute(policy: PolicyDefinition, route: RouteDefinition): boolean {
  return Object.entries(policy.when).every(
    ([path, values]) => !path.startsWith('route.') || matches(dotted({ route: viewOf(route) }, path), values),
  );
}

/** What a policy asks of the principal: the conditions that speak of it, and the scopes. */
function compilePolicy(
  policy: PolicyDefinition,
  grants: ReturnType<typeof scopeGrants>,
): (principal: PrincipalView) => boolean {
  const conditions = Object.entries(policy.when).filter(([path]) => path.startsWith('principal.'));
  return (principal) =>
    conditions.every(([path, values]) => matches(dotted({ principal }, path), values)) &&
    policy.requireScopes.every((scope) => grants(principal.scopes, scope));
}

function viewOf(route: RouteDefinition): unknown {
  return { id: route.id, tags: route.tags, pack: route.pack, method: route.methods, path: route.paths };
}

function matches(actual: unknown, wanted: readonly Json[]): boolean {
  const values = Array.isArray(actual) ? actual : [actual ?? null];
  return values.some((value) => wanted.includes(value as Json));
}

function dotted(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) at = member(at, name);
  return at;
}

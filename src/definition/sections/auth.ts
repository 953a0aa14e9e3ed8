import type { LoadContext } from '../model.ts';
import { suggest } from '../nearest.ts';
import { createMap, isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { AuthDefinition, Json, PolicyDefinition } from '../types.ts';
import { readPasswords, readPrincipals } from './principals.ts';

/** What the `when` of a policy may look at. */
const POLICY_PATHS = [
  'route.id',
  'route.tags',
  'route.pack',
  'route.method',
  'route.path',
  'principal.sub',
  'principal.scopes',
  'principal.roles',
  'principal.org',
];

/** `auth` of `schema.json`. Who a principal is comes from the registry's own users and tokens. */
export function readAuth(context: LoadContext, owner: ObjectReader): AuthDefinition {
  const reader = owner.child('auth');
  const principals = readPrincipals(reader, owner.text('type_id', ''));
  const passwords = readPasswords(reader);
  if (reader === null) return { principals, passwords, anonymousScopes: [], scopes: [], policies: [] };
  const anonymous = reader.child('anonymous');
  const anonymousScopes = anonymous === null ? [] : readScopeNames(context, anonymous);
  anonymous?.finish();
  const scopes = reader.list('scopes', (json, spot) => readScope(context, json, spot));
  const policies = reader.list('policies', (json, spot) => readPolicy(context, json, spot));
  reader.finish();
  return { principals, passwords, anonymousScopes, scopes, policies };
}

function readScope(context: LoadContext, json: Json, spot: Spot): AuthDefinition['scopes'][number] | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const name = reader.requiredText('name');
  const actions = reader.texts('actions');
  const list = reader.json.actions;
  actions.forEach((action, index) => {
    const isPattern = action === '*' || action.endsWith('.*');
    if (Array.isArray(list) && !isPattern) checkOperationName(context, action, spotOf(list, index));
  });
  reader.finish();
  return { name, actions };
}

/** Warns when a name in a list of operations is not one. */
export function checkOperationName(context: LoadContext, name: string, spot: Spot): void {
  if (context.vocabulary.has(name)) return;
  const fix = suggest(name, [...context.vocabulary.keys()]);
  context.reporter.report('UNKNOWN_OPERATION', spot, `There is no operation "${name}"`, { fix, severity: 'warning' });
}

function readPolicy(context: LoadContext, json: Json, spot: Spot): PolicyDefinition | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const name = reader.requiredText('name');
  reader.require('effect');
  const effect = reader.choice('effect', ['allow', 'deny'], 'deny');
  const conditions = reader.object('when') ?? {};
  const when = createMap<readonly Json[]>();
  for (const [path, values] of Object.entries(conditions)) {
    if (isRemark(path, values)) continue;
    when[path] = Array.isArray(values) ? values : [values];
    if (POLICY_PATHS.includes(path)) continue;
    const message = `"${path}" is not a path from "route" or "principal"`;
    const fix = suggest(path, POLICY_PATHS) ?? `One of: ${POLICY_PATHS.join(', ')}`;
    context.reporter.report('SHAPE_INVALID', spotOf(conditions, path), message, { at: 'key', fix });
  }
  const requirement = reader.child('require');
  const requireScopes = requirement === null ? [] : readScopeNames(context, requirement);
  requirement?.finish();
  reader.finish();
  return { name, effect, when, requireScopes };
}

function readScopeNames(context: LoadContext, owner: ObjectReader): readonly string[] {
  const scopes = owner.texts('scopes');
  const list = owner.json.scopes;
  scopes.forEach((scope, index) => {
    if (Array.isArray(list)) context.names.resolve('scope', null, scope, spotOf(list, index));
  });
  return scopes;
}

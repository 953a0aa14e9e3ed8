import type { Definition, RouteDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import type { PrincipalView } from '../language/frame.ts';
import { parsePathPattern, splitTarget } from '../language/path-pattern.ts';
import type { RouteTestResult } from '../route-tests/run-route-tests.ts';
import type { Trial, TrialRequest } from '../trial/trial.ts';
import { isAdmitted, outOfReach, type RouteRules, rulesOf } from './expected-permissions.ts';
import { check, note, type Permission, type PermissionMatrix, type Section } from './report.ts';

/** Methods by which a client asks for no change (RFC 9110, 9.2.1). */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Who may do what: each route is asked as anonymous and with each scope alone, and the answers are held against what the definition's
 * policies and required scopes say. Requests are those of the routes' tests, where there are some.
 */
export async function verifyPermissions(
  trial: Trial,
  vocabulary: Vocabulary,
  tests: readonly RouteTestResult[],
): Promise<{ readonly section: Section; readonly permissions: PermissionMatrix }> {
  const { definition } = trial;
  const principals = principalsOf(definition);
  const rows: PermissionMatrix['rows'][number][] = [];
  const answers: string[] = [];
  const reach: string[] = [];
  const writing: { readonly id: string; readonly rules: RouteRules }[] = [];
  const open: string[] = [];
  const trusting: string[] = [];
  const unsafe: string[] = [];
  const unasked: string[] = [];
  for (const route of definition.routes) {
    const rules = rulesOf(definition, vocabulary, route);
    const changes = rules.writes.length > 0 && route.methods.some((method) => !SAFE.includes(method));
    const request = requestFor(trial, route, tests);
    const unspoken = rules.allows.length === 0 && rules.required.length === 0;
    // Whom the rules of an access let in, no scope says.
    const byName = unspoken && rules.asksForAccess;
    const permissions: Permission[] = [];
    for (const [name, principal] of principals) {
      const { permission, problem } = await ask(trial, rules, request, principal);
      permissions.push(permission);
      if (problem !== null) answers.push(`${route.id} as ${name}: ${problem}`);
      if (!changes || byName || !isAdmitted(definition, rules, principal)) continue;
      const beyond = outOfReach(definition, principal, rules.writes);
      if (principal.sub === null) trusting.push(route.id);
      if (beyond.length > 0)
        reach.push(`${route.id} lets ${name} do ${beyond.join(', ')}, which no scope of theirs lists`);
    }
    if (changes) writing.push({ id: route.id, rules });
    if (unspoken && !byName) open.push(route.id);
    if (rules.writes.length > 0 && !changes) unsafe.push(`${route.id}: ${rules.writes.join(', ')}`);
    if (request === null) unasked.push(`${route.id}: give it a test`);
    rows.push({ route: route.id, method: route.methods.join(','), path: route.paths[0] ?? '', permissions });
  }
  const section: Section = {
    id: 'auth',
    title: 'Who may do what',
    checks: [
      check('routes answer each principal as policies and scopes say', answers, [
        `${definition.routes.length} routes as ${principals.size} principals`,
      ]),
      check('whoever may use a route that writes holds a scope for each of its writes', reach),
      check(
        'a policy, or a scope or access that its steps require, guards every route that writes',
        unguarded(writing),
      ),
      ...note('neither a policy nor a required scope or access: open to everybody', open),
      ...note('anonymous may write', trusting),
      ...note('write although their method is safe', unsafe),
      ...note('not asked, as no request could be made up', unasked),
    ],
  };
  return { section, permissions: { principals: [...principals.keys()], rows } };
}

/** Routes that nothing guards; and those that only their steps guard, where policies guard the others: somebody has forgotten a tag. */
function unguarded(writing: readonly { readonly id: string; readonly rules: RouteRules }[]): readonly string[] {
  const byPolicy = writing.some(({ rules }) => rules.allows.length > 0);
  return writing.flatMap(({ id, rules: { allows, required, asksForAccess, writes } }) => {
    if (allows.length > 0) return [];
    const what = `${id} (${writes.join(', ')})`;
    if (required.length === 0 && !asksForAccess) return [`nothing guards ${what}`];
    return byPolicy ? [`no policy speaks of ${what}, as one does of other routes that write`] : [];
  });
}

function principalsOf({ auth }: Definition): ReadonlyMap<string, PrincipalView> {
  const nobody = { sub: null, scopes: auth.anonymousScopes, roles: [], org: null };
  const known = auth.scopes.map(({ name }): [string, PrincipalView] => [
    name,
    { sub: `verify-${name}`, scopes: [name], roles: [], org: null },
  ]);
  return new Map([['anonymous', nobody], ...known]);
}

async function ask(
  trial: Trial,
  rules: RouteRules,
  request: TrialRequest | null,
  principal: PrincipalView,
): Promise<{ readonly permission: Permission; readonly problem: string | null }> {
  if (request === null) return { permission: 'unknown', problem: null };
  const expected = isAdmitted(trial.definition, rules, principal);
  const commits = trial.commits.length;
  const blobs = expected ? [] : await trial.blobs();
  const { status } = await trial.send({ ...request, principal: principal.sub === null ? null : principal });
  const permission = status === 401 ? '401' : status === 403 ? '403' : 'yes';
  if (expected) {
    if (permission === 'yes') return { permission: rules.mayRefuse ? 'depends' : 'yes', problem: null };
    if (rules.mayRefuse) return { permission: 'depends', problem: null };
    return { permission, problem: `answers ${status}, though nothing says that they may not` };
  }
  const wanted = principal.sub === null ? '401' : '403';
  // What is hidden from them is as if it were not there.
  const isHidden = rules.asksForAccess && status === 404;
  if (permission !== wanted && !isHidden) return { permission, problem: `answers ${status} where ${wanted} is right` };
  const added = (await trial.blobs()).filter((digest) => !blobs.includes(digest));
  const wrote = trial.commits.length > commits || added.length > 0;
  return {
    permission: isHidden ? wanted : permission,
    problem: wrote ? `is refused with ${status}, and writes all the same` : null,
  };
}

/** A request that the route answers: one of its tests', best one that succeeded; else one made up from its path. Null: none fits. */
function requestFor(trial: Trial, route: RouteDefinition, tests: readonly RouteTestResult[]): TrialRequest | null {
  const own = tests.filter((result) => result.route === route.id && result.request !== null);
  const best = own.find(({ response }) => response !== null && response.status < 400) ?? own[0];
  if (best?.request) {
    const { authorization: _, ...headers } = best.request.headers;
    return { ...best.request, headers };
  }
  const method = route.methods[0] ?? 'GET';
  const body = SAFE.includes(method) ? null : Buffer.from('{}');
  for (const value of ['a', '1', '1.0.0', `sha256:${'0'.repeat(64)}`]) {
    for (const path of route.paths) {
      const target = fillPath(path, value);
      const { segments, trailingSlash } = splitTarget(target);
      const match = trial.plan.router.match(method, segments, trailingSlash);
      if (match.found && match.value.route.id === route.id) {
        return { method, target, headers: { 'content-type': 'application/json' }, body, principal: null };
      }
    }
  }
  return null;
}

function fillPath(source: string, value: string): string {
  const { segments, trailingSlash } = parsePathPattern(source);
  const parts = segments.map((segment) =>
    segment.kind === 'literal' ? segment.text : `${segment.prefix}${value}${segment.suffix}`,
  );
  return `/${parts.map(encodeURIComponent).join('/')}${trailingSlash ? '/' : ''}`;
}

import type { AccessDefinition, AccessRuleDefinition } from '../../definition/types.ts';
import type { PrincipalView } from '../../language/frame.ts';
import { compileNamePattern } from '../../language/name-pattern.ts';

export type Verdict = 'granted' | 'refused' | 'hidden';

type Who = (principal: PrincipalView) => boolean;
type HoldsScope = (principal: PrincipalView, scope: string) => boolean;

/**
 * Whether a principal may do an action to a name: the first rule with a pattern that the name matches decides, and where there is none,
 * or it does not list the action, nobody may. `hidden`: who is refused may not even know whether there is such a thing.
 */
export function compileAccess(
  { rules }: AccessDefinition,
  action: string,
  holds: HoldsScope,
): (principal: PrincipalView, name: string) => Verdict {
  const compiled = rules.map((rule) => ({
    patterns: rule.names.map(compileNamePattern),
    may: compileWho(rule, action, holds),
    maySee: rule.hidden ? compileWho(rule, 'read', holds) : everybody,
  }));
  return (principal, name) => {
    const rule = compiled.find(({ patterns }) => patterns.some((pattern) => pattern.matches(name)));
    if (rule === undefined) return 'refused';
    if (rule.may(principal)) return 'granted';
    return rule.maySee(principal) ? 'refused' : 'hidden';
  };
}

function compileWho({ actions }: AccessRuleDefinition, action: string, holds: HoldsScope): Who {
  const listed = actions[action] ?? [];
  if (listed.includes('$all')) return everybody;
  const anyUser = listed.includes('$authenticated');
  const users = new Set(listed.filter((who) => !who.includes(':')));
  const named = (kind: string) =>
    listed.flatMap((who) => (who.startsWith(`${kind}:`) ? [who.slice(kind.length + 1)] : []));
  const [roles, orgs, scopes] = [named('role'), named('org'), named('scope')];
  return (principal) => {
    const { sub, org } = principal;
    return (
      (sub !== null && (anyUser || users.has(sub))) ||
      roles.some((role) => principal.roles.includes(role)) ||
      (org !== null && orgs.includes(org)) ||
      scopes.some((scope) => holds(principal, scope))
    );
  };
}

function everybody(): boolean {
  return true;
}

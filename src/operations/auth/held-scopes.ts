import type { Definition } from '../../definition/types.ts';
import type { PrincipalView } from '../../language/frame.ts';

/** Whether a principal has a scope. Who holds one whose declared actions include `*` has them all. */
export function scopeHolder({ auth }: Definition): (principal: PrincipalView, scope: string) => boolean {
  const unlimited = new Set(auth.scopes.filter(({ actions }) => actions.includes('*')).map(({ name }) => name));
  return ({ scopes }, wanted) =>
    scopes.includes(wanted) || (unlimited.size > 0 && scopes.some((scope) => unlimited.has(scope)));
}

import type { Run } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import type { PrincipalView } from '../../language/frame.ts';

/** The principal of the request. Fails with UNAUTHORIZED for anonymous, who has no tokens. */
export function knownPrincipal({ principal }: Run): PrincipalView {
  return principal.sub === null ? fail('UNAUTHORIZED') : principal;
}

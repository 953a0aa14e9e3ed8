import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { scopeHolder } from './held-scopes.ts';

/** See `operations/auth/require_scopes.json`. */
export const requireScopes: OperationHandler = {
  op: 'auth.require_scopes',
  compile(step) {
    const written = step.literal('scopes');
    const wanted = (Array.isArray(written) ? written : [written]).map(String);
    const holds = scopeHolder(step.definition);
    return ({ principal }) => {
      for (const name of wanted) {
        if (holds(principal, name)) continue;
        if (principal.sub === null) throw new RegistryError('UNAUTHORIZED');
        throw new RegistryError('FORBIDDEN', { message: `This needs the scope ${name}`, details: { scope: name } });
      }
    };
  },
};

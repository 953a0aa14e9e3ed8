import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';

/** See `operations/auth/require_scopes.json`. */
export const requireScopes: OperationHandler = {
  op: 'auth.require_scopes',
  compile(step) {
    const written = step.literal('scopes');
    const wanted = (Array.isArray(written) ? written : [written]).map(String);
    const unlimited = new Set(
      step.definition.auth.scopes.filter((scope) => scope.actions.includes('*')).map((scope) => scope.name),
    );
    return ({ principal }) => {
      const { scopes } = principal;
      for (const name of wanted) {
        if (scopes.includes(name)) continue;
        if (unlimited.size > 0 && scopes.some((scope) => unlimited.has(scope))) return;
        if (principal.sub === null) throw new RegistryError('UNAUTHORIZED');
        throw new RegistryError('FORBIDDEN', { message: `This needs the scope ${name}`, details: { scope: name } });
      }
    };
  },
};

import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { requiredText } from '../arguments.ts';
import { compileAccess } from './access-rules.ts';
import { scopeHolder } from './held-scopes.ts';

/** See `operations/auth/require_access.json`. */
export const requireAccess: OperationHandler = {
  op: 'auth.require_access',
  compile(step) {
    const { definition } = step;
    const access = definition.access[String(step.literal('access'))];
    if (access === undefined) throw new Error('The checker let an access pass that nobody declares');
    const action = String(step.literal('action'));
    const name = requiredText(step, 'name');
    const judge = compileAccess(access, action, scopeHolder(definition));
    return (run) => {
      const { principal } = run;
      const subject = name(run);
      const verdict = judge(principal, subject);
      if (verdict === 'granted') return;
      if (verdict === 'hidden') throw new RegistryError('NOT_FOUND');
      if (principal.sub === null) throw new RegistryError('UNAUTHORIZED');
      throw new RegistryError('FORBIDDEN', {
        message: `${principal.sub} may not ${action.replaceAll('_', ' ')} ${subject}`,
        details: { action, name: subject },
      });
    };
  },
};

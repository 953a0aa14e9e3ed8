import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { requiredText } from '../arguments.ts';

/** See `operations/auth/has_user.json`. */
export const hasUser: OperationHandler = {
  op: 'auth.has_user',
  compile(step) {
    const username = requiredText(step, 'username');
    const bind = step.bind('out');
    return async (run) => {
      if (run.principal.sub === null) throw new RegistryError('UNAUTHORIZED');
      run.session.countIo();
      bind(run, await run.session.identity.hasUser(username(run)));
      return undefined;
    };
  },
};

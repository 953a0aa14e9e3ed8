import type { OperationHandler } from '../../engine/contract.ts';
import { requiredText } from '../arguments.ts';

/** See `operations/auth/authenticate.json`. */
export const authenticate: OperationHandler = {
  op: 'auth.authenticate',
  compile(step) {
    const username = requiredText(step, 'username');
    const password = requiredText(step, 'password');
    const bind = step.bind('out');
    return async (run) => {
      run.session.countIo();
      bind(run, await run.session.identity.authenticate(username(run), password(run), run.request.ip));
      return undefined;
    };
  },
};

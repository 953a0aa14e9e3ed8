import type { OperationHandler } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import { requiredText } from '../arguments.ts';
import { knownPrincipal } from './known-principal.ts';

/** See `operations/token/revoke.json`. */
export const tokenRevoke: OperationHandler = {
  op: 'token.revoke',
  compile(step) {
    const token = requiredText(step, 'token');
    return async (run) => {
      run.session.countIo();
      const isRevoked = await run.session.identity.revokeToken(knownPrincipal(run), token(run));
      if (!isRevoked) fail('NOT_FOUND', 'There is no such token');
      return undefined;
    };
  },
};

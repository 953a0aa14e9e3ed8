import type { OperationHandler } from '../../engine/contract.ts';
import { compileLimit } from '../arguments.ts';
import { knownPrincipal } from './known-principal.ts';

/** See `operations/token/list.json`. A cursor is tied to the user, and holds the last token shown. */
export const tokenList: OperationHandler = {
  op: 'token.list',
  compile(step) {
    const limit = compileLimit(step);
    const cursor = step.text('cursor');
    const bind = step.bind('out');
    const bindNext = step.bind('out_next');
    return async (run) => {
      const { session } = run;
      const principal = knownPrincipal(run);
      const purpose = `tokens ${principal.sub}`;
      const sealed = cursor(run);
      const after = sealed === null ? null : session.openCursor(purpose, sealed);
      session.countIo();
      const { tokens, next } = await session.identity.listTokens(principal, after, limit(run));
      bind(run, tokens);
      bindNext(run, next === null ? null : session.sealCursor(purpose, next));
      return undefined;
    };
  },
};

import type { OperationHandler, Run } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import type { PrincipalView } from '../../language/frame.ts';
import { invalidArgument, requiredText } from '../arguments.ts';
import { knownPrincipal } from './known-principal.ts';

/** See `operations/token/issue.json`. */
export const tokenIssue: OperationHandler = {
  op: 'token.issue',
  compile(step) {
    const name = requiredText(step, 'name');
    const forWhom = step.has('for') ? step.value('for') : null;
    const scopes = step.value('scopes');
    const expiresIn = step.integer('expires_in_seconds');
    const session = step.boolean('session', false);
    const bind = step.bind('out');
    return async (run) => {
      const principal = forWhom === null ? knownPrincipal(run) : checkedPrincipal(run, forWhom(run));
      const seconds = expiresIn(run);
      if (seconds !== null && seconds < 1) throw invalidArgument('expires_in_seconds', 'above 0');
      run.session.countIo();
      const token = await run.session.identity.issueToken(principal, {
        name: name(run),
        scopes: textsOf(scopes(run)),
        expiresAt: seconds === null ? null : run.session.now() + seconds * 1000,
        session: session(run),
      });
      bind(run, token);
      return undefined;
    };
  },
};

function checkedPrincipal(run: Run, value: unknown): PrincipalView {
  if (value === run.principal) return knownPrincipal(run);
  if (run.session.identity.isPrincipal(value)) return value;
  fail('FORBIDDEN', 'Tokens are for whoever makes the request, or whose password was checked in it');
}

function textsOf(value: unknown): readonly string[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalidArgument('scopes', 'a list of texts');
  }
  return value;
}

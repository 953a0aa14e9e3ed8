import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { toPlain } from '../../language/member.ts';
import { invalidArgument, requiredText } from '../arguments.ts';
import { compileHeaders } from '../headers.ts';

/** See `operations/respond/error.json`. */
export const respondError: OperationHandler = {
  op: 'respond.error',
  compile(step) {
    const status = step.integer('status');
    const code = requiredText(step, 'code');
    const message = step.text('message');
    const details = step.value('details');
    const headers = compileHeaders(step);
    return (run) => {
      const given = status(run) ?? undefined;
      if (given !== undefined && (given < 400 || given > 599)) throw invalidArgument('status', 'a status of an error');
      throw new RegistryError(code(run), {
        status: given,
        message: message(run) ?? undefined,
        details: toPlain(details(run)) ?? undefined,
        headers: Object.fromEntries(headers(run)),
      });
    };
  },
};

import type { OperationHandler } from '../../engine/contract.ts';
import { goOn } from '../arguments.ts';

/** See `operations/flow/if.json`. */
export const flowIf: OperationHandler = {
  op: 'flow.if',
  compile(step) {
    const test = step.condition('test');
    const yes = step.pipeline('then') ?? goOn;
    const no = step.pipeline('else') ?? goOn;
    if (test === null) throw new Error('The checker let flow.if without test pass');
    return (run) => (test(run) ? yes(run) : no(run));
  },
};

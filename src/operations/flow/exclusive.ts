import type { OperationHandler } from '../../engine/contract.ts';
import { goOn, requiredText } from '../arguments.ts';

/** See `operations/flow/exclusive.json`. */
export const flowExclusive: OperationHandler = {
  op: 'flow.exclusive',
  compile(step) {
    const key = requiredText(step, 'key');
    const steps = step.pipeline('do') ?? goOn;
    return (run) => run.session.exclusive(key(run), () => steps(run));
  },
};

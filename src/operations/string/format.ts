import type { OperationHandler } from '../../engine/contract.ts';
import { requiredText } from '../arguments.ts';

/** See `operations/string/format.json`. */
export const format: OperationHandler = {
  op: 'string.format',
  compile(step) {
    const text = requiredText(step, 'template');
    const bind = step.bind('out');
    return (run) => {
      bind(run, text(run));
    };
  },
};

import { spotOf } from '../places.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** In a closed world only the operations that `ops.allowed` lists may be used. (Unknown ones are found when steps are read.) */
export const operationsRule: Rule = {
  codes: ['UNKNOWN_OPERATION', 'OPERATION_NOT_ALLOWED'],
  run({ ops, roots, reporter }) {
    if (!ops.closedWorld) return;
    const allowed = new Set(ops.allowed);
    for (const { list } of roots) {
      for (const step of allSteps(list)) {
        if (step.operation === null || allowed.has(step.op)) continue;
        const fix = `Add "${step.op}" to "ops.allowed"`;
        reporter.report(
          'OPERATION_NOT_ALLOWED',
          spotOf(step.json, 'op'),
          `The operation "${step.op}" is not allowed here`,
          { fix },
        );
      }
    }
  },
};

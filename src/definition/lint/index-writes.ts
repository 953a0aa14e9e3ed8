import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Indexes that the engine keeps are not written by steps. */
export const indexWritesRule: Rule = {
  codes: ['INDEX_WRITE_REDUNDANT'],
  run({ model, roots, reporter }) {
    for (const { list } of roots) {
      for (const step of allSteps(list)) {
        if (step.operation?.effect !== 'write') continue;
        for (const { definition, references } of step.args) {
          const index = definition?.to === 'index' ? model.indexes[references[0] ?? ''] : undefined;
          if (index?.mode !== 'incremental') continue;
          const message = `The engine keeps the index "${index.name}" itself; this step changes nothing`;
          reporter.report('INDEX_WRITE_REDUNDANT', step.spot, message, { fix: 'Remove the step' });
        }
      }
    }
  },
};

import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** No pipeline has more steps, nested ones counted, than `ops.limits.max_pipeline_ops`. */
export const pipelineLengthRule: Rule = {
  codes: ['PIPELINE_TOO_LONG'],
  run({ ops, roots, reporter }) {
    const limit = ops.limits.maxPipelineOps;
    for (const { list } of roots) {
      let count = 0;
      for (const _ of allSteps(list)) count++;
      if (count <= limit) continue;
      const message = `The pipeline has ${count} steps, more than the limit of ${limit}`;
      const fix = 'Move steps into a pipeline of their own, or raise "ops.limits.max_pipeline_ops"';
      reporter.report('PIPELINE_TOO_LONG', list.spot, message, { fix });
    }
  },
};

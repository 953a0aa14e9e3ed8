import type { Rule } from './rule.ts';

/** No step stands where every way has responded before. */
export const unreachableRule: Rule = {
  codes: ['STEP_UNREACHABLE'],
  run(context) {
    for (const root of context.roots) {
      for (const spot of context.analysis(root).unreachable) {
        const message = 'This step never runs: every way to it has responded before';
        const fix = 'Give the response before it a "when", or remove this step and those after it';
        context.reporter.report('STEP_UNREACHABLE', spot, message, { fix });
      }
    }
  },
};

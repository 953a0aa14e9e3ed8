import type { Rule } from './rule.ts';

/**
 * The request body is read once on every way. Where a second reading happens only on some ways (conditions that may exclude each
 * other), it is a warning: the engine then fails with BODY_CONSUMED.
 */
export const bodyRule: Rule = {
  codes: ['BODY_READ_TWICE'],
  run(context) {
    for (const root of context.roots) {
      for (const { spot, first, certain } of context.analysis(root).bodyAgain) {
        const { file, line } = context.places.place(first, 'value');
        const isLoop = spot === first;
        const message = isLoop
          ? 'The request body is read in every round of a loop'
          : `The request body is read here after it ${certain ? 'was' : 'may have been'} read at ${file}:${line}`;
        const fix = 'Store the body once and read the blob';
        context.reporter.report('BODY_READ_TWICE', spot, message, { fix, severity: certain ? 'error' : 'warning' });
      }
    }
  },
};

import type { Rule } from './rule.ts';

/** Every way through a route's pipeline ends in a response. */
export const responsesRule: Rule = {
  codes: ['PIPELINE_NO_RESPONSE'],
  run(context) {
    for (const root of context.roots) {
      if (root.kind !== 'route' || !context.analysis(root).end.live) continue;
      const last = root.list.steps.at(-1);
      const message = 'The pipeline can end here without a response';
      const fix = 'End it with a "respond" step that has no "when"';
      context.reporter.report('PIPELINE_NO_RESPONSE', last?.spot ?? root.list.spot, message, { fix });
    }
  },
};

import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Apply pipelines run on an event: there is no request, nobody who asked, and nobody who waits for an answer. */
export const applyRule: Rule = {
  codes: ['APPLY_NEEDS_REQUEST'],
  run(context) {
    for (const root of context.roots) {
      if (root.kind !== 'apply') continue;
      for (const step of allSteps(root.list)) {
        const { when, args } = context.parsed(step);
        const uses = [
          ...(when?.uses ?? []).map((use) => ({ use, spot: step.when?.spot ?? step.spot })),
          ...args.flatMap(({ node, uses: read }) => read.map((use) => ({ use, spot: node.spot }))),
        ];
        for (const { use, spot } of uses) {
          if (!['request', 'principal', 'route'].includes(use.name)) continue;
          const message = `There is no "${use.name}" where an event is applied`;
          const fix = 'Take it into the event when it is emitted, and read it from there';
          context.reporter.report('APPLY_NEEDS_REQUEST', context.places.follow(spot, use.pointer), message, { fix });
        }
        if (step.operation === null || !NEEDS_REQUEST.test(step.op)) continue;
        context.reporter.report('APPLY_NEEDS_REQUEST', step.spot, `"${step.op}" needs a request, and there is none`);
      }
    }
  },
};

const NEEDS_REQUEST = /^(parse|auth)\.|^respond\.(?!error$)|^blob\.fill$/;

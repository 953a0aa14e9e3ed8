import type { StepNode } from '../model.ts';
import type { Spot } from '../places.ts';
import type { LintContext, ParsedStep } from './context.ts';
import { calledPipeline } from './walk-steps.ts';

const BODY = 'request.body';

/** Where the step reads the request body, or null. A body that is handed to a called pipeline counts as read there. */
export function readsBody(context: LintContext, step: StepNode, parsed: ParsedStep): Spot | null {
  if (step.op === 'parse.json') return step.spot;
  const responds = step.operation?.effect === 'respond';
  const called = calledPipeline(step);
  for (const { node, uses } of parsed.args) {
    const consumes = node.definition?.kind === 'source' || responds || called !== null;
    const use = consumes ? uses.find(({ path }) => path === BODY) : undefined;
    if (use !== undefined) return context.places.follow(node.spot, use.pointer);
  }
  const root = called === null ? null : context.pipeline(called);
  return root !== null && context.analysis(root).end.body !== null ? step.spot : null;
}

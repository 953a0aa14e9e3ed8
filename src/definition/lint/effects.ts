import type { StepList, StepNode } from '../model.ts';
import type { LintContext } from './context.ts';
import { SEARCH } from './searches.ts';
import { allSteps, calledPipeline, innerLists } from './walk-steps.ts';

/** Whether a step of the list, or of a pipeline called from it, satisfies the test. */
export function someStep(
  context: LintContext,
  list: StepList,
  test: (step: StepNode) => boolean,
  seen: Set<string> = new Set(),
): boolean {
  for (const step of allSteps(list)) {
    if (test(step)) return true;
    const called = calledPipeline(step);
    if (called === null || seen.has(called)) continue;
    seen.add(called);
    const root = context.pipeline(called);
    if (root !== null && someStep(context, root.list, test, seen)) return true;
  }
  return false;
}

/** Whether a step asks another server. */
export function asksUpstream({ operation }: StepNode): boolean {
  return operation !== null && Object.values(operation.args).some(({ to }) => to === 'upstream');
}

/** Whether the pipeline begins a transaction, itself or through others. */
export function beginsTransaction(context: LintContext, pipeline: string): boolean {
  const root = context.pipeline(pipeline);
  return root !== null && someStep(context, root.list, (step) => step.op === 'txn.begin', new Set([pipeline]));
}

/** Whether the pipeline searches, itself or through others. */
export function searches(context: LintContext, pipeline: string): boolean {
  const root = context.pipeline(pipeline);
  return root !== null && someStep(context, root.list, (step) => step.op === SEARCH, new Set([pipeline]));
}

/** Whether the pipeline writes outside any transaction of its own, so that its caller must have one open. */
export function needsTransaction(context: LintContext, pipeline: string, seen: Set<string> = new Set()): boolean {
  if (seen.has(pipeline)) return false;
  seen.add(pipeline);
  const root = context.pipeline(pipeline);
  return root !== null && writesOutside(context, root.list, seen);
}

/** Whether a step of the list, or of a pipeline called from it, writes where no transaction of theirs is open. */
export function writesOutside(context: LintContext, list: StepList, seen: Set<string>): boolean {
  let isOpen = false;
  for (const step of list.steps) {
    if (step.op === 'txn.begin') isOpen = true;
    if (step.op === 'txn.commit' || step.op === 'txn.abort') isOpen = false;
    if (isOpen) continue;
    if (step.operation?.effect === 'write') return true;
    const called = calledPipeline(step);
    if (called !== null && needsTransaction(context, called, seen)) return true;
    if (innerLists(step).some((inner) => writesOutside(context, inner, seen))) return true;
  }
  return false;
}

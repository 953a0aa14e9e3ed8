import type { StepNode } from '../model.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Steps that look past a document's `visible_when` are listed, so that a review finds them. */
export const visibilityRule: Rule = {
  codes: ['VISIBILITY_BYPASSED'],
  run(context) {
    for (const { list } of context.roots) for (const step of allSteps(list)) check(context, step);
  },
};

function check(context: LintContext, step: StepNode): void {
  const { documents, indexes } = context.model;
  const as = step.args.find((node) => node.name === 'as' && node.definition?.kind === 'literal');
  if (as?.json !== 'registry') return;
  for (const node of step.args) {
    const name = node.references[0] ?? '';
    const document = node.definition?.to === 'index' ? indexes[name]?.document : name;
    if (document === undefined || documents[document] === undefined || documents[document].visibleWhen === null)
      continue;
    const message = `This step sees every "${document}", also those that "visible_when" hides from the principal`;
    const fix = 'See to it that what it finds is not shown, or leave "as" out';
    context.reporter.report('VISIBILITY_BYPASSED', as.spot, message, { fix });
  }
}

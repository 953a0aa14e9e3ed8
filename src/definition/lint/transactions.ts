import type { StepList, StepNode } from '../model.ts';
import type { LintContext } from './context.ts';
import { beginsTransaction, needsTransaction, searches } from './effects.ts';
import { createFlowLog, walkFlow } from './flow.ts';
import type { Rule } from './rule.ts';
import { SEARCH } from './searches.ts';
import { calledPipeline } from './walk-steps.ts';

/** Whether a transaction is open around a list of steps; of a shared pipeline only its callers know. Apply pipelines have callers no more than routes. */
export const FILL = 'blob.fill';

type Around = 'none' | 'open' | 'unknown';

/** Transactions begin and end in one list of steps, unconditionally; they do not nest; and all writes are inside one. */
export const transactionsRule: Rule = {
  codes: ['TXN_UNPAIRED', 'TXN_NESTED', 'TXN_WRITE_OUTSIDE', 'TXN_SEARCH'],
  run(context) {
    for (const { kind, list } of context.roots) checkList(context, list, kind === 'pipeline' ? 'unknown' : 'none');
  },
};

function checkList(context: LintContext, list: StepList, around: Around): void {
  const { reporter } = context;
  // More than one only where a transaction begins inside another, which is reported.
  const begun: StepNode[] = [];
  list.steps.forEach((step, index) => {
    const here: Around = begun.length > 0 ? 'open' : around;
    switch (step.op) {
      case 'txn.begin':
        checkUnconditional(context, step);
        if (here === 'open') reporter.report('TXN_NESTED', step.spot, 'A transaction is open here already');
        begun.push(step);
        break;
      case 'txn.commit':
        checkUnconditional(context, step);
        if (begun.pop() === undefined) {
          const fix = 'Begin and commit stand in one list of steps';
          reporter.report('TXN_UNPAIRED', step.spot, 'There is no "txn.begin" before this in the same list of steps', {
            fix,
          });
        }
        break;
      case 'txn.abort':
        if (begun.length > 0) checkUnconditional(context, step);
        // One with a `when` was reported; taking it for no end keeps the commit after it from being reported, too.
        if (begun.length > 0 && step.when !== null) break;
        if (begun.pop() === undefined) checkInnerAbort(context, step, list.steps.slice(index + 1), here);
        break;
      default:
        checkStep(context, step, here);
    }
    const inner: Around = begun.length > 0 ? 'open' : around;
    for (const { list } of step.args) if (list !== null) checkList(context, list, step.op === FILL ? 'none' : inner);
    for (const { list } of step.catches) checkList(context, list, inner);
  });
  for (const step of begun) {
    const fix = 'Add "txn.commit" to the same list of steps';
    reporter.report('TXN_UNPAIRED', step.spot, 'This transaction is not committed in the same list of steps', { fix });
  }
}

function checkStep(context: LintContext, step: StepNode, here: Around): void {
  const { reporter } = context;
  if (step.operation?.effect === 'write' && here === 'none') {
    const fix = 'Put it between "txn.begin" and "txn.commit"';
    reporter.report('TXN_WRITE_OUTSIDE', step.spot, `"${step.op}" writes, and no transaction is open here`, { fix });
  }
  if (here === 'open' && step.op === FILL) {
    const fix = 'Put it after "txn.commit"; what it stores is named by a transaction among its own steps';
    reporter.report('TXN_NESTED', step.spot, `"${FILL}" takes longer than a transaction may, and one is open here`, {
      fix,
    });
  }
  const called = calledPipeline(step);
  if (here === 'open' && (step.op === SEARCH || (called !== null && searches(context, called)))) {
    const what = called === null ? `"${SEARCH}"` : `The pipeline "${called}" searches, which`;
    const fix = 'Search before "txn.begin", and read what was found inside';
    reporter.report('TXN_SEARCH', step.spot, `${what} cannot run inside a transaction`, { fix });
  }
  if (called === null) return;
  if (here === 'none' && needsTransaction(context, called)) {
    const fix = 'Put the call between "txn.begin" and "txn.commit"';
    reporter.report(
      'TXN_WRITE_OUTSIDE',
      step.spot,
      `The pipeline "${called}" writes, and no transaction is open here`,
      { fix },
    );
  }
  if (here === 'open' && beginsTransaction(context, called)) {
    reporter.report(
      'TXN_NESTED',
      step.spot,
      `The pipeline "${called}" begins a transaction, and one is open here already`,
    );
  }
}

/** A begin, commit or closing abort that may be skipped would leave the transaction open on some way. */
function checkUnconditional({ reporter }: LintContext, step: StepNode): void {
  const fix =
    step.op === 'txn.abort'
      ? 'Leave it out: a response before the commit drops what was buffered'
      : 'Put the whole transaction into a "flow.if"';
  if (step.when !== null)
    reporter.report('TXN_UNPAIRED', step.when.spot, `"${step.op}" takes no "when" here`, { fix, at: 'key' });
  if (step.catches.length > 0) {
    const message = `"${step.op}" takes no "catch"`;
    reporter.report('TXN_UNPAIRED', { container: step.json, member: 'catch' }, message, { at: 'key' });
  }
}

/** Deeper than its begin an abort must end in a response: what follows the transaction's own list must not run without it. */
function checkInnerAbort(context: LintContext, step: StepNode, rest: readonly StepNode[], here: Around): void {
  const { reporter } = context;
  if (here === 'none') {
    reporter.report('TXN_UNPAIRED', step.spot, 'No transaction is open here');
    return;
  }
  const end = walkFlow(context, { steps: rest }, { names: new Map(), live: true, body: null }, createFlowLog());
  if (!end.live) return;
  const message = 'After this abort the pipeline can go on without a response';
  reporter.report('TXN_UNPAIRED', step.spot, message, { fix: 'Respond in the steps after it' });
}

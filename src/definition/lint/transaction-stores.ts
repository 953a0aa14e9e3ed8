import type { StepList, StepNode } from '../model.ts';
import type { Spot } from '../places.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline, innerLists } from './walk-steps.ts';

/** All documents of a transaction live in one record store, which commits them at once. */
export const transactionStoresRule: Rule = {
  codes: ['TXN_STORES'],
  run(context) {
    for (const { list } of context.roots) checkList(context, list);
  },
};

interface StoreUse {
  readonly store: string;
  readonly document: string;
  readonly spot: Spot;
}

function checkList(context: LintContext, list: StepList): void {
  let uses: StoreUse[] | null = null;
  for (const step of list.steps) {
    if (step.op === 'txn.begin') uses = [];
    else if (step.op === 'txn.commit' || step.op === 'txn.abort') {
      if (uses !== null) checkUses(context, uses);
      uses = null;
    } else if (uses !== null) uses.push(...usesOf(context, step, new Set()));
    else for (const inner of innerLists(step)) checkList(context, inner);
  }
}

function checkUses(context: LintContext, uses: readonly StoreUse[]): void {
  const first = uses[0];
  const other = uses.find((use) => use.store !== first?.store);
  if (first === undefined || other === undefined) return;
  const message = `"${other.document}" is in the store "${other.store}", but "${first.document}" of the same transaction is in "${first.store}"`;
  context.reporter.report('TXN_STORES', other.spot, message, {
    fix: 'Keep documents that change together in one store',
  });
}

/** The stores that a step and the steps inside it touch; what a called pipeline touches stands at the call. */
function usesOf(context: LintContext, step: StepNode, seen: Set<string>): readonly StoreUse[] {
  return allSteps({ steps: [step] }).flatMap((inner) => {
    const own = inner.args.flatMap((node): readonly StoreUse[] => {
      const name = node.references[0];
      if (name === undefined) return [];
      const document =
        node.definition?.to === 'index'
          ? context.model.indexes[name]?.document
          : node.definition?.to === 'document'
            ? name
            : undefined;
      const store = document === undefined ? undefined : context.model.documents[document]?.store;
      return document === undefined || store === undefined ? [] : [{ store, document, spot: node.spot }];
    });
    const called = calledPipeline(inner);
    const root = called === null || seen.has(called) ? null : context.pipeline(called);
    if (called === null || root === null) return own;
    seen.add(called);
    const there = root.list.steps.flatMap((calledStep) => usesOf(context, calledStep, seen));
    return [...own, ...there.map((use) => ({ ...use, spot: inner.spot }))];
  });
}

import type { StepList, StepNode } from '../model.ts';
import type { LintContext } from './context.ts';
import { someStep } from './effects.ts';
import type { Rule } from './rule.ts';
import { spillsOf } from './spills.ts';
import { FILL } from './transactions.ts';
import { allSteps, calledPipeline, innerLists } from './walk-steps.ts';

/** Blobs are put before a commit names them, and their content is checked against a digest. */
export const blobsRule: Rule = {
  codes: ['TXN_BLOB_LATE', 'BLOB_UNCHECKED'],
  run(context) {
    for (const { list } of context.roots) {
      checkOrder(context, list, { put: new Set(), pending: new Map(), committed: new Map() });
      checkDigests(context, allSteps(list));
      checkSpills(context, allSteps(list));
    }
  },
};

/** By the path of a variable: the write that uses it. */
interface Order {
  /** Names of variables that hold what was put so far. */
  readonly put: Set<string>;
  /** Used by writes of the open transaction, of those not put before. */
  readonly pending: Map<string, StepNode>;
  readonly committed: Map<string, StepNode>;
}

function checkOrder(context: LintContext, list: StepList, order: Order): void {
  for (const step of list.steps) {
    if (step.op === 'txn.begin' || step.op === 'txn.abort') order.pending.clear();
    if (step.op === 'txn.commit') {
      for (const [path, write] of order.pending) order.committed.set(path, write);
      order.pending.clear();
    }
    if (step.operation?.effect === 'write') {
      for (const { name, path } of usesOf(context, step, null)) if (!order.put.has(name)) order.pending.set(path, step);
    }
    if (step.op === 'blob.put') checkPut(context, step, order);
    // What it binds is stored before its steps run.
    if (step.op === FILL) for (const name of outNames(step)) order.put.add(name);
    for (const inner of innerLists(step)) checkOrder(context, inner, order);
  }
}

function checkPut(context: LintContext, step: StepNode, order: Order): void {
  const outs = outNames(step);
  const expected = usesOf(context, step, EXPECTATIONS).map((use) => use.path);
  for (const [path, write] of order.committed) {
    if (!expected.includes(path) && !outs.includes(path.split(/[.[]/)[0] ?? '')) continue;
    const { file, line } = context.places.place(write.spot, 'value');
    const message = `The commit before this names the digest of this blob ("${path}" at ${file}:${line}), which is not stored yet`;
    context.reporter.report('TXN_BLOB_LATE', step.spot, message, { fix: 'Put the blob before the transaction' });
    break;
  }
  for (const name of outs) order.put.add(name);
}

const EXPECTATIONS: readonly string[] = ['expect', 'expect_digest'];

function checkDigests(context: LintContext, steps: readonly StepNode[]): void {
  steps.forEach((step, index) => {
    const isFill = step.op === FILL;
    if ((step.op !== 'blob.put' && !isFill) || step.args.some((node) => EXPECTATIONS.includes(node.name))) return;
    const outs = outNames(step);
    // Where a fill's own steps check it, the bytes are out already.
    const isChecked =
      !isFill &&
      steps
        .slice(index + 1)
        .some(
          (later) => verifies(context, later) && usesOf(context, later, null).some((use) => outs.includes(use.name)),
        );
    if (isChecked) return;
    const message = 'Nothing says which digest this blob must have';
    const fix = isFill
      ? 'Give "expect": null for no expectation'
      : 'Give "expect" (null for no expectation) or check it with "blob.verify_digest"';
    context.reporter.report('BLOB_UNCHECKED', step.spot, message, { fix });
  });
}

/**
 * What is stored out of JSON stands deep inside a variable, by names that only a request knows, and reaches the check by way of loops: any
 * check that follows will do.
 */
function checkSpills(context: LintContext, steps: readonly StepNode[]): void {
  steps.forEach((step, index) => {
    const unchecked = spillsOf(step).filter(({ entry }) => !Object.hasOwn(entry, 'expect'));
    if (unchecked.length === 0 || steps.slice(index + 1).some((later) => verifies(context, later))) return;
    for (const { spot } of unchecked) {
      const message = 'Nothing says which digest must have what is stored here';
      const fix = 'Give "expect": null for no expectation, or check it with "blob.verify_digest"';
      context.reporter.report('BLOB_UNCHECKED', spot, message, { fix });
    }
  });
}

/** A check of a digest, or the call of a pipeline that has one. */
function verifies(context: LintContext, step: StepNode): boolean {
  if (step.op === 'blob.verify_digest') return true;
  const called = calledPipeline(step);
  const root = called === null ? null : context.pipeline(called);
  return root !== null && someStep(context, root.list, (inner) => inner.op === 'blob.verify_digest');
}

function outNames(step: StepNode): readonly string[] {
  return step.args.flatMap(({ definition, json }) =>
    definition?.kind === 'bind' && typeof json === 'string' ? [json] : [],
  );
}

/** The readings in a step's arguments, or in those named. */
function usesOf(context: LintContext, step: StepNode, names: readonly string[] | null) {
  return context
    .parsed(step)
    .args.flatMap(({ node, uses }) => (names === null || names.includes(node.name) ? uses : []));
}

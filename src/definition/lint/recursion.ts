import type { StepNode } from '../model.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** No pipeline calls itself, directly or through others. */
export const recursionRule: Rule = {
  codes: ['PIPELINE_RECURSION'],
  run(context) {
    const calls = new Map<string, readonly { readonly target: string; readonly step: StepNode }[]>();
    for (const { kind, name, list } of context.roots) if (kind === 'pipeline') calls.set(name, callsOf(list));
    for (const [name, targets] of calls) {
      for (const { target, step } of targets) {
        const way = findWay(calls, target, name);
        if (way === null) continue;
        report(context, step, [name, ...way]);
      }
    }
  },
};

function callsOf(
  list: Parameters<typeof allSteps>[0],
): readonly { readonly target: string; readonly step: StepNode }[] {
  return allSteps(list).flatMap((step) => {
    const target = calledPipeline(step);
    return target === null ? [] : [{ target, step }];
  });
}

/** The names on a way from one pipeline to another, both included; null when there is none. */
function findWay(
  calls: ReadonlyMap<string, readonly { readonly target: string }[]>,
  from: string,
  to: string,
  seen: Set<string> = new Set(),
): readonly string[] | null {
  if (from === to) return [to];
  if (seen.has(from)) return null;
  seen.add(from);
  for (const { target } of calls.get(from) ?? []) {
    const rest = findWay(calls, target, to, seen);
    if (rest !== null) return [from, ...rest];
  }
  return null;
}

function report(context: LintContext, step: StepNode, way: readonly string[]): void {
  const spot = step.args.find((node) => node.definition?.to === 'pipeline')?.spot ?? step.spot;
  context.reporter.report('PIPELINE_RECURSION', spot, `The pipeline calls itself: ${way.join(' -> ')}`, {
    fix: 'Use "flow.each" to repeat steps',
  });
}

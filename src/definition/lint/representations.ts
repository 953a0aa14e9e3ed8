import type { Use } from '../../language/use.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

const OPERATION = 'respond.representation';

/** What "respond.representation" builds is for everybody: its steps read nothing of who asks, and of the request the registry's address only. */
export const representationsRule: Rule = {
  codes: ['REPRESENTATION_PERSONAL'],
  run(context) {
    const builds = new Set<string>();
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        const build = step.op === OPERATION ? calledPipeline(step) : null;
        if (build !== null) checkPipeline(context, build, builds);
      }
    }
  },
};

function checkPipeline(context: LintContext, name: string, checked: Set<string>): void {
  const root = context.pipeline(name);
  if (root === null || checked.has(name)) return;
  checked.add(name);
  for (const step of allSteps(root.list)) {
    const called = calledPipeline(step);
    if (called !== null) checkPipeline(context, called, checked);
    const parsed = context.parsed(step);
    const uses = [
      ...(parsed.when?.uses ?? []).map((use) => ({ use, spot: step.when?.spot ?? step.spot })),
      ...parsed.args.flatMap(({ uses: own, node }) => own.map((use) => ({ use, spot: node.spot }))),
    ];
    for (const { use, spot } of uses) {
      if (!isPersonal(use)) continue;
      const message = `"${use.path}" is not known when a representation is built: it is kept for all who ask`;
      const fix = 'Hand what it is to depend on to the pipeline as an input, or answer without a representation';
      context.reporter.report('REPRESENTATION_PERSONAL', context.places.follow(spot, use.pointer), message, { fix });
    }
  }
}

function isPersonal({ name, path }: Use): boolean {
  return name === 'principal' || (name === 'request' && !/^request\.base_url\b/.test(path));
}

import type { StepList, StepNode } from '../model.ts';

/** The lists of steps that stand directly in a step: its arguments and its catches, in the order written. */
export function innerLists(step: StepNode): readonly StepList[] {
  return [
    ...step.args.flatMap((argument) => (argument.list === null ? [] : [argument.list])),
    ...step.catches.map((handler) => handler.list),
  ];
}

const flattened = new WeakMap<readonly StepNode[], readonly StepNode[]>();

/** Every step of a list and of the lists inside, each before what it holds. Worked out once: most rules ask for it. */
export function allSteps({ steps }: Pick<StepList, 'steps'>): readonly StepNode[] {
  const known = flattened.get(steps);
  if (known !== undefined) return known;
  const all = steps.flatMap((step) => [step, ...innerLists(step).flatMap((inner) => allSteps(inner))]);
  flattened.set(steps, all);
  return all;
}

/** The pipeline that a step calls, or null. */
export function calledPipeline(step: StepNode): string | null {
  return (
    step.args.find((node) => node.definition?.kind === 'reference' && node.definition.to === 'pipeline')
      ?.references[0] ?? null
  );
}

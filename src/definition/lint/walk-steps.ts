import type { StepList, StepNode } from '../model.ts';

/** The lists of steps that stand directly in a step: its arguments and its catches, in the order written. */
export function innerLists(step: StepNode): readonly StepList[] {
  return [
    ...step.args.flatMap((argument) => (argument.list === null ? [] : [argument.list])),
    ...step.catches.map((handler) => handler.list),
  ];
}

/** Every step of a list and of the lists inside, each before what it holds. */
export function* allSteps(list: Pick<StepList, 'steps'>): Generator<StepNode> {
  for (const step of list.steps) {
    yield step;
    for (const inner of innerLists(step)) yield* allSteps(inner);
  }
}

/** The pipeline that a step calls, or null. */
export function calledPipeline(step: StepNode): string | null {
  return (
    step.args.find((node) => node.definition?.kind === 'reference' && node.definition.to === 'pipeline')
      ?.references[0] ?? null
  );
}

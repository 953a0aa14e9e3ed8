import type { Definition, StepDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';

/** All steps of a list: those nested in arguments and catch clauses, and those of the pipelines it calls. */
export function* walkSteps(
  definition: Definition,
  vocabulary: Vocabulary,
  steps: readonly StepDefinition[],
  called: Set<string> = new Set(),
): Generator<StepDefinition> {
  for (const step of steps) {
    yield step;
    for (const clause of Object.values(step.catch ?? {})) yield* walkSteps(definition, vocabulary, clause, called);
    for (const [name, argument] of Object.entries(vocabulary.get(step.op)?.args ?? {})) {
      const value = step.args[name];
      if (argument.kind === 'pipeline' && Array.isArray(value)) {
        yield* walkSteps(definition, vocabulary, value as unknown as readonly StepDefinition[], called);
      } else if (argument.to === 'pipeline' && typeof value === 'string' && !called.has(value)) {
        called.add(value);
        yield* walkSteps(definition, vocabulary, definition.pipelines[value]?.pipeline ?? [], called);
      }
    }
  }
}

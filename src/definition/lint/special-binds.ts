import type { StepNode } from '../model.ts';
import type { EntityDefinition } from '../types.ts';
import type { LintContext } from './context.ts';
import type { FlowState, Worth } from './flow-state.ts';
import { calledPipeline } from './walk-steps.ts';

/** Names that a step binds without an argument that says so: fields of an entity, outputs of a pipeline. */
export function namesBoundBy(
  context: LintContext,
  step: StepNode,
  state: FlowState,
): readonly (readonly [string, Worth])[] {
  if (step.op === 'parse.path') {
    const fields = Object.entries(entityOf(context, step)?.fields ?? {});
    return fields.filter(([name, field]) => field.optional && !state.names.has(name)).map(([name]) => [name, 'maybe']);
  }
  const called = calledPipeline(step);
  if (called === null || step.args.some((node) => node.definition?.kind === 'bind')) return [];
  const root = context.pipeline(called);
  const outputs = context.model.pipelines.get(called)?.definition.outputs ?? [];
  const end = root === null ? null : context.analysis(root).end;
  return outputs.map((name) => [name, end?.names.get(name) ?? 'maybe']);
}

/** Names that a step looks at without an argument that says so. */
export function namesReadBy(context: LintContext, step: StepNode): readonly string[] {
  if (step.op !== 'validate.entity' && step.op !== 'normalize.entity') return [];
  return Object.keys(entityOf(context, step)?.fields ?? {});
}

/** Names that are not null where the step has gone well. */
export function namesProvenBy(context: LintContext, step: StepNode): readonly string[] {
  if (step.op !== 'validate.entity') return [];
  const fields = Object.entries(entityOf(context, step)?.fields ?? {});
  return fields.filter(([, field]) => !field.optional).map(([name]) => name);
}

function entityOf(context: LintContext, step: StepNode): EntityDefinition | null {
  const name = step.args.find((node) => node.definition?.to === 'entity')?.references[0];
  return (name === undefined ? undefined : context.model.entities[name]) ?? null;
}

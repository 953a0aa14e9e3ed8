import type { StepNode } from '../model.ts';
import type { JsonObject } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { createFit, type FitTemplate } from './template-fit.ts';
import { allSteps } from './walk-steps.ts';

/** What is written into a document or an event can fit its schema. */
export const valuesRule: Rule = {
  codes: ['VALUE_NEVER_FITS'],
  run(context) {
    const misfits = createFit(context.model.schemas);
    for (const { list } of context.roots) for (const step of allSteps(list)) checkStep(context, step, misfits);
  },
};

function checkStep(context: LintContext, step: StepNode, misfits: FitTemplate): void {
  if (step.operation?.effect !== 'write') return;
  const schema = schemaOf(context, step);
  if (schema === null) return;
  const written = context.parsed(step).args.find(({ node }) => WRITTEN.includes(node.name));
  if (written?.template == null || written.problems.length > 0) return;
  for (const { pointer, message, fix } of misfits(written.template.node, schema.json)) {
    const spot = context.places.follow(written.node.spot, pointer);
    context.reporter.report('VALUE_NEVER_FITS', spot, `Never fits ${schema.name}: ${message}`, { fix });
  }
}

const WRITTEN: readonly string[] = ['value', 'payload'];

function schemaOf({ model }: LintContext, step: StepNode): { readonly name: string; readonly json: JsonObject } | null {
  for (const { definition, references } of step.args) {
    const name = references[0] ?? '';
    if (definition?.to === 'document') {
      const schema = model.schemas[model.documents[name]?.schema ?? ''];
      if (schema !== undefined) return { name: `the document "${name}"`, json: schema };
    }
    if (definition?.to === 'event') {
      const schema = model.events[name]?.schema ?? null;
      if (schema !== null) return { name: `the event "${name}"`, json: schema };
    }
  }
  return null;
}

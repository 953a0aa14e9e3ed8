import { type KeyTemplate, parseKeyTemplate } from '../../language/record-key.ts';
import type { LoadContext, Model, StepNode } from '../model.ts';
import { analyse, unfinished } from './analysis.ts';
import type { Analysis, LintContext, ParsedStep, RootList } from './context.ts';
import { parseStep } from './parse-step.ts';

/** Puts together what the rules look at. */
export function createLintContext(
  load: LoadContext,
  model: Model,
  sections: Pick<LintContext, 'ops' | 'kvStores' | 'auth' | 'caching' | 'schema' | 'raw'>,
  roots: readonly RootList[],
): LintContext {
  const steps = new Map<StepNode, ParsedStep>();
  const templates = new Map<string, KeyTemplate>();
  const analyses = new Map<RootList, Analysis>();
  const pipelines = new Map(roots.filter((root) => root.kind === 'pipeline').map((root) => [root.name, root]));
  const context: LintContext = {
    ...load,
    model,
    ...sections,
    roots,
    parsed(step) {
      const parsed = steps.get(step) ?? parseStep(context, step);
      steps.set(step, parsed);
      return parsed;
    },
    keyTemplate(document) {
      const source = model.documents[document]?.keyTemplate;
      if (source === undefined) return null;
      const template = templates.get(document) ?? parseKeyTemplate(source);
      templates.set(document, template);
      return template;
    },
    analysis(root) {
      const known = analyses.get(root);
      if (known !== undefined) return known;
      analyses.set(root, unfinished(root));
      const analysis = analyse(context, root);
      analyses.set(root, analysis);
      return analysis;
    },
    pipeline: (name) => pipelines.get(name) ?? null,
  };
  return context;
}

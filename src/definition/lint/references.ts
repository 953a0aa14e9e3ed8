import { parseCondition } from '../../language/condition.ts';
import { parseTemplate } from '../../language/template.ts';
import type { Use } from '../../language/use.ts';
import type { StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import { type Spot, spotOf } from '../places.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { spillsOf } from './spills.ts';
import { allSteps } from './walk-steps.ts';

/** Keys of indexes, environment variables, and the stores of what `spill` takes out of JSON exist where they are named. (Other references are resolved when steps are read.) */
export const referencesRule: Rule = {
  codes: ['REFERENCE_UNKNOWN'],
  run(context) {
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        checkIndexKey(context, step);
        for (const { entry } of spillsOf(step)) {
          if (typeof entry.store === 'string')
            context.names.resolve('blob_store', null, entry.store, spotOf(entry, 'store'));
        }
        const { when, args } = context.parsed(step);
        if (when !== null && step.when !== null) checkEnv(context, step.when.spot, when.uses);
        for (const { node, uses } of args) checkEnv(context, node.spot, uses);
      }
    }
    for (const { kind, json, spot } of context.model.loose) {
      if (kind === 'template') checkEnv(context, spot, parseTemplate(json).uses);
      if (kind === 'condition') checkEnv(context, spot, parseCondition(json).uses);
    }
  },
};

function checkIndexKey(context: LintContext, step: StepNode): void {
  const name = step.args.find((node) => node.definition?.to === 'index')?.references[0];
  const by = step.args.find((node) => node.name === 'by' && node.definition?.kind === 'literal');
  const index = name === undefined ? undefined : context.model.indexes[name];
  if (index === undefined || typeof by?.json !== 'string') return;
  const keys = index.keys.map((key) => key.name);
  if (keys.includes(by.json)) return;
  const fix = suggest(by.json, keys);
  context.reporter.report('REFERENCE_UNKNOWN', by.spot, `The index "${index.name}" has no key "${by.json}"`, { fix });
}

function checkEnv(context: LintContext, spot: Spot, uses: readonly Use[]): void {
  for (const use of uses) {
    const name = use.name === 'env' ? /^env(?:\.(\w+)|\['(.*?)'\])/.exec(use.path) : null;
    const asked = name?.[1] ?? name?.[2];
    if (asked !== undefined) context.names.resolve('env', null, asked, context.places.follow(spot, use.pointer));
  }
}

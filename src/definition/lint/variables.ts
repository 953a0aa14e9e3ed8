import { suggest } from '../nearest.ts';
import { spotOf } from '../places.ts';
import { canBeBound } from './arguments.ts';
import type { LintContext, RootList } from './context.ts';
import type { Rule } from './rule.ts';

/** Names are bound before they are read, may not be null in texts, and are read when they are bound. */
export const variablesRule: Rule = {
  codes: ['VARIABLE_UNBOUND', 'VARIABLE_NULLABLE', 'VARIABLE_UNREAD'],
  run(context) {
    for (const root of context.roots) {
      const { unbound, nullable } = context.analysis(root);
      for (const { name, spot, from, known } of unbound) {
        const fix = suggest(name, known) ?? 'Bind it in a step before';
        context.reporter.report('VARIABLE_UNBOUND', spot, `"${name}" is not bound here${readBy(from)}`, { fix });
      }
      for (const { name, path, spot, from } of nullable) {
        const message = `"${name}" may be null here, and null in a text fails with VALUE_MISSING${readBy(from)}`;
        const fix = `Answer for null in a step before, or write {${path}?} for an empty text`;
        context.reporter.report('VARIABLE_NULLABLE', spot, message, { fix });
      }
      const outputs = outputsOf(context, root);
      reportUnread(context, root, outputs);
      reportUnboundOutputs(context, root, outputs);
    }
  },
};

function readBy(from: string | null): string {
  return from === null ? '' : `; it is read by ${from}`;
}

function outputsOf(context: LintContext, root: RootList): readonly string[] {
  return root.kind === 'pipeline' ? (context.model.pipelines.get(root.name)?.definition.outputs ?? []) : [];
}

function reportUnread(context: LintContext, root: RootList, outputs: readonly string[]): void {
  const { binds, reads } = context.analysis(root);
  for (const { name, spot, at } of binds) {
    if (reads.has(name) || outputs.includes(name) || name.startsWith('_') || !canBeBound(name)) continue;
    const fix = 'Remove it, or begin its name with "_"';
    context.reporter.report('VARIABLE_UNREAD', spot, `"${name}" is bound and never read`, { fix, at });
  }
}

/** A pipeline gives back what is bound at its end; one that always responds must bind its outputs somewhere all the same. */
function reportUnboundOutputs(context: LintContext, root: RootList, outputs: readonly string[]): void {
  const { end, binds } = context.analysis(root);
  const pipeline = context.model.pipelines.get(root.name);
  for (const [index, name] of outputs.entries()) {
    const isBound = end.names.has(name) || (!end.live && binds.some((bound) => bound.name === name));
    const list = pipeline?.json.outputs;
    if (isBound || !Array.isArray(list)) continue;
    const message = `The output "${name}" is not bound at the pipeline's end`;
    context.reporter.report('VARIABLE_UNBOUND', spotOf(list, index), message, {
      fix: suggest(name, [...end.names.keys()]),
    });
  }
}

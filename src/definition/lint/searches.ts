import { memberObject } from '../declare.ts';
import type { StepNode } from '../model.ts';
import { isObject, isRemark } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { IndexDefinition, Json } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** The operation that searches. */
export const SEARCH = 'search.query';

/** Indexes search what can hold texts, in stores that can; steps search indexes that have texts. */
export const searchesRule: Rule = {
  codes: ['FIELD_NOT_TEXT', 'SEARCH_WITHOUT_TEXT', 'STORE_KIND'],
  run(context) {
    for (const { name, json } of context.model.indexJson) {
      const index = context.model.indexes[name];
      if (index === undefined || !isObject(json) || Object.keys(index.text).length === 0) continue;
      checkStore(context, index, json);
      checkFields(context, index, memberObject(json, 'text'));
    }
    for (const { list } of context.roots) for (const step of allSteps(list)) checkStep(context, step);
  },
};

function checkStore(context: LintContext, index: IndexDefinition, json: Readonly<Record<string, Json>>): void {
  const { kvStores, model, fullTextKvKinds, availableKvKinds, reporter } = context;
  const kind = kvStores[model.documents[index.document]?.store ?? '']?.kind;
  // Of a kind that is not there at all something was said before.
  if (kind === undefined || !availableKvKinds.includes(kind) || fullTextKvKinds.includes(kind)) return;
  const message = `Stores of the kind "${kind}" cannot search texts`;
  const fix = `These can: ${fullTextKvKinds.join(', ')}`;
  reporter.report('STORE_KIND', spotOf(json, 'text'), message, { fix, at: 'key' });
}

function checkFields(context: LintContext, index: IndexDefinition, text: Readonly<Record<string, Json>>): void {
  const schema = context.model.schemas[context.model.documents[index.document]?.schema ?? ''];
  const properties = isObject(schema?.properties) ? schema.properties : {};
  for (const field of Object.keys(text)) {
    if (isRemark(field, text[field] ?? null) || Object.hasOwn(index.derive, field)) continue;
    const property = properties[field.replace(/\[\]$/, '')];
    if (!isObject(property) || mayHoldText(property)) continue;
    const message = `The field "${field}" of the document "${index.document}" never holds a text`;
    context.reporter.report('FIELD_NOT_TEXT', spotOf(text, field), message, { at: 'key' });
  }
}

/** Whether a schema lets texts or lists of texts through; one that does not say is taken at its word. */
function mayHoldText({ type, items }: Readonly<Record<string, Json>>): boolean {
  if (type === undefined) return true;
  const types = [type].flat();
  if (types.includes('string')) return true;
  return (
    types.includes('array') && (!isObject(items) || items.type === undefined || [items.type].flat().includes('string'))
  );
}

function checkStep({ model, reporter }: LintContext, step: StepNode): void {
  if (step.op !== SEARCH) return;
  const node = step.args.find(({ definition }) => definition?.to === 'index');
  const index = model.indexes[node?.references[0] ?? ''];
  if (node === undefined || index === undefined || Object.keys(index.text).length > 0) return;
  const message = `The index "${index.name}" has no "text" to search`;
  reporter.report('SEARCH_WITHOUT_TEXT', node.spot, message, { fix: 'Give the index "text": fields with weights' });
}

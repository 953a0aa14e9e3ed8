import { parseCondition } from '../../language/condition.ts';
import { parseTemplate } from '../../language/template.ts';
import type { Use } from '../../language/use.ts';
import { memberObject } from '../declare.ts';
import type { StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import { isObject, isRemark } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { IndexDefinition, Json } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { closedMembers } from './shapes.ts';
import { allSteps } from './walk-steps.ts';

/** Indexes, blobs and conditions name fields that their documents can have; queries name fields that their index has. */
export const fieldsRule: Rule = {
  codes: ['FIELD_UNKNOWN', 'ARGUMENT_INVALID'],
  run(context) {
    for (const { name, json } of context.model.indexJson) checkIndex(context, context.model.indexes[name], json);
    for (const { name, json } of context.model.documentJson) checkDocument(context, name, json);
    for (const { list } of context.roots) for (const step of allSteps(list)) checkQuery(context, step);
  },
};

function checkIndex(context: LintContext, index: IndexDefinition | undefined, json: Json): void {
  if (index === undefined || !isObject(json)) return;
  const document = context.model.documents[index.document];
  const members = document === undefined ? null : closedMembers(context, document.schema);
  if (members === null) return;
  const where = `The document "${index.document}"`;
  const derive = memberObject(json, 'derive');
  const known = [...members, ...Object.keys(derive)];
  const check = (field: Json, spot: Spot, at: 'key' | 'value' = 'value') => {
    if (typeof field === 'string') checkField(context, firstOf(field), known, spot, where, at);
  };
  const keys = Array.isArray(json.keys) ? json.keys : [];
  for (const key of keys) {
    if (!isObject(key)) continue;
    for (const list of [key.fields, key.sort]) {
      if (!Array.isArray(list)) continue;
      list.forEach((item: Json, position) => {
        check(typeof item === 'string' ? item.replace(/:(asc|desc)$/, '') : item, spotOf(list, position));
      });
    }
  }
  const text = memberObject(json, 'text');
  for (const field of Object.keys(text))
    if (!isRemark(field, text[field] ?? null)) check(field, spotOf(text, field), 'key');
  for (const [name, value] of Object.entries(derive)) {
    checkRecordUses(context, parseTemplate(value).uses, spotOf(derive, name), members, where);
  }
  if (json.filter !== undefined)
    checkRecordUses(context, parseCondition(json.filter).uses, spotOf(json, 'filter'), members, where);
}

function checkDocument(context: LintContext, name: string, json: Json): void {
  const members = closedMembers(context, context.model.documents[name]?.schema ?? null);
  if (members === null || !isObject(json)) return;
  const where = `The document "${name}"`;
  const { blobs } = json;
  if (Array.isArray(blobs)) {
    blobs.forEach((path: Json, index) => {
      if (typeof path === 'string') checkField(context, firstOf(path), members, spotOf(blobs, index), where);
    });
  }
  if (json.visible_when !== undefined) {
    const { uses } = parseCondition(json.visible_when);
    checkRecordUses(context, uses, spotOf(json, 'visible_when'), members, where);
  }
}

function checkRecordUses(
  context: LintContext,
  uses: readonly Use[],
  spot: Spot,
  members: readonly string[],
  where: string,
): void {
  for (const { path, pointer } of uses) {
    const field = /^record\.(\w+)/.exec(path)?.[1];
    if (field !== undefined) checkField(context, field, members, context.places.follow(spot, pointer), where);
  }
}

/** `key`, `where` and `order` of a query, as far as they are written out. */
function checkQuery(context: LintContext, step: StepNode): void {
  if (step.operation?.effect !== 'read') return;
  const name = step.args.find((node) => node.definition?.to === 'index')?.references[0];
  const index = name === undefined ? undefined : context.model.indexes[name];
  if (index === undefined) return;
  const sorts = index.keys.flatMap((key) => key.sort.map(({ field }) => field));
  const fields = index.keys.flatMap((key) => key.fields);
  const known = [
    ...new Set([...fields, ...sorts, ...Object.keys(index.derive)].map((field) => field.replace('[]', ''))),
  ];
  const where = `The index "${index.name}"`;
  for (const { name: argument, json } of step.args) {
    if ((argument === 'key' || argument === 'where') && isObject(json) && !Object.hasOwn(json, '$literal')) {
      for (const field of Object.keys(json)) {
        if (!/[{$]/.test(field)) checkField(context, field, known, spotOf(json, field), where, 'key');
        if (argument === 'where') checkOperators(context, json[field] ?? null);
      }
    }
    if (argument === 'facets' && Array.isArray(json)) {
      json.forEach((field: Json, position) => {
        if (typeof field === 'string') checkField(context, field, known, spotOf(json, position), where);
      });
    }
    if (argument !== 'order' || !Array.isArray(json)) continue;
    json.forEach((item: Json, position) => {
      if (typeof item !== 'string' || /[{$]/.test(item)) return;
      checkField(context, item.replace(/:(asc|desc)$/, ''), known, spotOf(json, position), where);
    });
  }
}

/** How a field of `where` may be asked for, beside by its value. */
const OPERATORS = ['any', 'all', 'in', 'prefix', 'gt', 'gte', 'lt', 'lte'];

function checkOperators(context: LintContext, condition: Json): void {
  if (!isObject(condition)) return;
  for (const operator of Object.keys(condition)) {
    if (OPERATORS.includes(operator) || /[{$]/.test(operator)) continue;
    const message = `A field cannot be asked for "${operator}"`;
    const fix = suggest(operator, OPERATORS);
    context.reporter.report('ARGUMENT_INVALID', spotOf(condition, operator), message, { fix, at: 'key' });
  }
}

function firstOf(path: string): string {
  return path.split(/[.[]/)[0] ?? path;
}

function checkField(
  context: LintContext,
  field: string,
  known: readonly string[],
  spot: Spot,
  where: string,
  at: 'key' | 'value' = 'value',
): void {
  if (known.includes(field)) return;
  const fix = suggest(field, known);
  context.reporter.report('FIELD_UNKNOWN', spot, `${where} has no field "${field}"`, { fix, at });
}

import type { Definition, Json, StepDefinition } from '../definition/types.ts';
import type { ArgumentDefinition, OperationDefinition } from '../definition/vocabulary.ts';
import { parseCondition } from '../language/condition.ts';
import { parseKeyTemplate, parseStepKey } from '../language/record-key.ts';
import { parseTemplate, type Use } from '../language/template.ts';

/** The paths that a step's condition and arguments read, as written, each once, in their order. Steps inside it read for themselves. */
export function readsOf(
  definition: Definition,
  operation: OperationDefinition,
  step: StepDefinition,
): readonly string[] {
  const uses: Use[] = step.when === null ? [] : [...parseCondition(step.when).uses];
  for (const [name, argument] of Object.entries(operation.args)) {
    const value = name === '*' ? step.args : memberAt(step.args, name);
    if (value !== undefined) uses.push(...usesOf(definition, argument, step, value));
    else if (argument.kind === 'source') uses.push(...parseTemplate('$request.body').uses);
  }
  return [...new Set(uses.map((use) => use.path))];
}

function usesOf(
  definition: Definition,
  argument: ArgumentDefinition,
  step: StepDefinition,
  value: Json,
): readonly Use[] {
  switch (argument.kind) {
    case 'template':
    case 'bindings':
      return parseTemplate(value).uses;
    case 'source':
      return typeof value === 'string' ? parseTemplate(/^[${]/.test(value) ? value : `$${value}`).uses : [];
    case 'condition':
      return parseCondition(value).uses;
    case 'key': {
      const document = definition.documents[String(step.args.doc)];
      if (document === undefined || (argument.many && !Array.isArray(value))) return parseTemplate(value).uses;
      const template = parseKeyTemplate(document.keyTemplate);
      return (argument.many && Array.isArray(value) ? value : [value]).flatMap(
        (key) => parseStepKey(key, template).uses,
      );
    }
    default:
      return [];
  }
}

/** A dotted argument is a member of an object: `collect.from`. */
export function memberAt(args: Json, name: string): Json | undefined {
  let at: Json | undefined = args;
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    at = Object.getOwnPropertyDescriptor(at, part)?.value;
  }
  return at;
}

import { createSchemaCompiler, type SchemaValidator } from '../../language/json-schema.ts';
import { plainlyFits } from '../../language/json-schema-plain.ts';
import { isName } from '../../language/path.ts';
import { pointerTo } from '../../language/problem.ts';
import type { Template } from '../../language/template.ts';
import { ALL_ROOTS, type ArgumentNode, type StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import { isObject, kindOf } from '../object-reader.ts';
import type { Json } from '../types.ts';
import type { ArgumentDefinition, OperationDefinition } from '../vocabulary.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** The arguments of each step are those that its operation's definition asks for. */
export const argumentsRule: Rule = {
  codes: ['ARGUMENT_UNKNOWN', 'ARGUMENT_MISSING', 'ARGUMENT_INVALID'],
  run(context) {
    const validatorOf = createValidators();
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        if (step.operation === null) continue;
        checkPresence(context, step, step.operation);
        for (const node of step.args) checkArgument(context, step, node, validatorOf);
        checkInputs(context, step);
      }
    }
  },
};

type ValidatorOf = (definition: ArgumentDefinition, coerce: boolean) => SchemaValidator | null;

function checkPresence(context: LintContext, step: StepNode, operation: OperationDefinition): void {
  const { reporter } = context;
  const given = new Set(step.args.map((node) => node.name));
  const isGroupGiven = (name: string) => [...given].some((other) => other.startsWith(`${name}.`));
  for (const [name, definition] of Object.entries(operation.args)) {
    const dot = name.indexOf('.');
    const isAsked = dot === -1 || isGroupGiven(name.slice(0, dot));
    const isThere = name === '*' ? given.size > 0 : given.has(name);
    if (!definition.required || !isAsked || isThere) continue;
    const message =
      name === '*' ? `"${step.op}" needs at least one argument` : `"${step.op}" needs the argument "${name}"`;
    reporter.report('ARGUMENT_MISSING', step.argsSpot, message, { fix: definition.description || null });
  }
  for (const group of operation.oneOf) {
    const found = group.filter((name) => given.has(name));
    const names = group.map((name) => `"${name}"`).join(' or ');
    if (found.length === 0) {
      reporter.report('ARGUMENT_MISSING', step.argsSpot, `"${step.op}" needs ${names}`);
    }
    for (const name of found.slice(1)) {
      const spot = step.args.find((node) => node.name === name)?.spot ?? step.argsSpot;
      reporter.report('ARGUMENT_INVALID', spot, `"${step.op}" takes ${names}, not both`, { at: 'key' });
    }
  }
}

function checkArgument(context: LintContext, step: StepNode, node: ArgumentNode, validatorOf: ValidatorOf): void {
  const { definition, json, spot, name } = node;
  const invalid = (message: string, fix: string | null = null): void =>
    context.reporter.report('ARGUMENT_INVALID', spot, message, { fix });
  if (definition === null) {
    const fix = suggest(name, Object.keys(step.operation?.args ?? {}));
    context.reporter.report('ARGUMENT_UNKNOWN', spot, `"${step.op}" has no argument "${name}"`, { fix, at: 'key' });
    return;
  }
  switch (definition.kind) {
    case 'bind':
      checkName(json, invalid);
      return;
    case 'bindings':
      checkName(name, invalid);
      return;
    case 'reference':
      if (!isNameOrNames(json, definition.many))
        invalid(`"${name}" must be ${definition.many ? 'a name or a list of names' : 'a name'}, written out`);
      else if (Array.isArray(json) && json.length === 0) invalid(`"${name}" names nothing`);
      return;
    case 'regex':
    case 'source':
      if (typeof json !== 'string') invalid(`"${name}" must be a text, not ${kindOf(json)}`);
      return;
    case 'schema':
      if (typeof json !== 'string' && !isObject(json)) invalid(`"${name}" must be a JSON Schema or the name of one`);
      return;
    case 'literal':
      checkValue(name, json, definition, validatorOf(definition, false), invalid);
      return;
    case 'template': {
      const template = context.parsed(step).args.find((argument) => argument.node === node)?.template;
      if (template) checkTemplate(name, template, json, definition, validatorOf(definition, true), invalid);
      return;
    }
  }
}

type Invalid = (message: string, fix?: string | null) => void;

function checkName(json: Json, invalid: Invalid): void {
  if (typeof json !== 'string' || !isName(json)) {
    invalid('The name of a variable is expected here', 'A letter or "_", then letters, digits and "_", without "$"');
  } else if (ALL_ROOTS.includes(json)) {
    invalid(`"${json}" is there already and cannot be bound`, 'Choose another name');
  }
}

/** Whether a step may bind a variable of this name. */
export function canBeBound(name: string): boolean {
  return isName(name) && !ALL_ROOTS.includes(name);
}

function isNameOrNames(json: Json, many: boolean): boolean {
  return typeof json === 'string' || (many && Array.isArray(json) && json.every((name) => typeof name === 'string'));
}

/** A template that reads nothing must fit the argument's schema; of others at least the kind of value must be right. */
function checkTemplate(
  name: string,
  template: Template,
  json: Json,
  definition: ArgumentDefinition,
  validator: SchemaValidator | null,
  invalid: Invalid,
): void {
  if (template.problems.length > 0) return;
  if (template.node.kind === 'constant') {
    checkValue(name, template.node.value, definition, validator, invalid);
    return;
  }
  const type = definition.schema?.type;
  const actual = Array.isArray(json) ? 'array' : isObject(json) ? 'object' : null;
  if (typeof type === 'string' && actual !== null && type !== actual) {
    invalid(`"${name}" must be of the type ${type}, not ${kindOf(json)}`);
  }
}

function checkValue(
  name: string,
  value: unknown,
  definition: ArgumentDefinition,
  validator: SchemaValidator | null,
  invalid: Invalid,
): void {
  if (value === null && definition.kind === 'template') {
    if (!definition.nullable) invalid(`"${name}" must not be null`);
    return;
  }
  // Texts may stand for numbers; a number in the place of a text is a slip.
  if (definition.schema?.type === 'string' && typeof value !== 'string') {
    invalid(`"${name}" must be a text, not ${kindOf(value)}`);
    return;
  }
  if (definition.schema !== null && plainlyFits(definition.schema, value)) return;
  const first = validator?.(structuredClone(value))?.[0];
  if (first !== undefined)
    invalid(
      `"${name}"${first.pointer === '' ? '' : ` at ${first.pointer}`} ${first.message}`,
      definition.description || null,
    );
}

/** Validators by argument definition; numbers may be written as texts in templates. */
function createValidators(): ValidatorOf {
  const compiler = createSchemaCompiler({}, { trusted: true });
  const known = new Map<ArgumentDefinition, SchemaValidator | null>();
  return (definition, coerce) => {
    const { schema } = definition;
    if (schema === null) return null;
    const validator = known.get(definition) ?? compiler.compile(schema, { coerce });
    known.set(definition, validator);
    return validator;
  };
}

/** What is handed to a called pipeline are inputs that it has. */
function checkInputs(context: LintContext, step: StepNode): void {
  const called = calledPipeline(step);
  const inputs = called === null ? undefined : context.model.pipelines.get(called)?.definition.inputs;
  const given = step.args.find((node) => node.name === 'with');
  if (inputs === undefined) return;
  if (given === undefined || !isObject(given.json) || Object.hasOwn(given.json, '$literal')) return;
  for (const name of Object.keys(given.json)) {
    if (inputs.includes(name)) continue;
    const spot = context.places.follow(given.spot, pointerTo('', name));
    const fix = suggest(name, inputs);
    context.reporter.report('ARGUMENT_UNKNOWN', spot, `The pipeline "${called}" has no input "${name}"`, {
      fix,
      at: 'key',
    });
  }
}

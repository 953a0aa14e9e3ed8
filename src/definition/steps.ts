import { fillIn } from './filled-in.ts';
import type { ArgumentNode, LoadContext, StepList, StepNode } from './model.ts';
import type { NameKind } from './names.ts';
import { suggest } from './nearest.ts';
import { createMap, FREE_KEYS, isObject, isRemark, openObject } from './object-reader.ts';
import { type Spot, spotOf } from './places.ts';
import { resolveSchemaRefs } from './schema-refs.ts';
import type { Json, JsonObject, StepDefinition } from './types.ts';
import type { ArgumentDefinition, OperationDefinition } from './vocabulary.ts';

/** The definition of an argument; `*` stands for all that the operation does not name. */
export function argumentDefinition(operation: OperationDefinition, name: string): ArgumentDefinition | null {
  if (Object.hasOwn(operation.args, name)) return operation.args[name] ?? null;
  return operation.args['*'] ?? null;
}

/**
 * Reads a list of steps: looks operations up, lifts `when` out of `args`, resolves references (REFERENCE_UNKNOWN) and reads nested
 * lists. What the arguments themselves hold is checked by the rules under `lint/`.
 */
export function readSteps(context: LoadContext, pack: string | null, json: Json | undefined, spot: Spot): StepList {
  if (!Array.isArray(json)) {
    context.reporter.report('SHAPE_INVALID', spot, 'A list of steps is expected here');
    return { spot, steps: [], definitions: [] };
  }
  const steps = json.flatMap((item: Json, index) => readStep(context, pack, item, spotOf(json, index)) ?? []);
  return { spot, steps, definitions: steps.map((step) => step.definition) };
}

function readStep(context: LoadContext, pack: string | null, json: Json, spot: Spot): StepNode | null {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return null;
  const op = reader.requiredText('op');
  const args = reader.object('args') ?? {};
  const argsSpot = reader.has('args') ? reader.at('args') : spot;
  const when = readWhen(context, reader.json, args);
  const label = reader.text('label', null);
  reader.any('when');
  const handlers = reader.object('catch') ?? {};
  const catches = Object.entries(handlers)
    .filter(([code, list]) => !isRemark(code, list))
    .map(([code, list]) => ({ code, list: readSteps(context, pack, list, spotOf(handlers, code)) }));
  reader.finish();
  const operation = context.vocabulary.get(op) ?? null;
  if (operation === null && op !== '') {
    const fix = suggest(op, [...context.vocabulary.keys()]);
    context.reporter.report('UNKNOWN_OPERATION', reader.at('op'), `There is no operation "${op}"`, { fix });
  }
  const filled = fillIn(context, pack, operation, args);
  const isWritten = (name: string) => name !== 'when' && filled.every((argument) => argument.name !== name);
  const names = Object.keys(args).filter((name) => isWritten(name) && !isFreeArgument(operation, name));
  const nodes = [
    ...names.flatMap((name) => readArguments(context, pack, operation, args, name)),
    ...filled.map(({ name, json, spot, from }) => argumentNode(context, pack, operation, name, json, spot, from)),
  ];
  const definition = defineStep(op, args, nodes, when?.json ?? null, catches, label);
  return { spot, json: reader.json, op, pack, operation, args: nodes, argsSpot, when, catches, definition };
}

function readWhen(context: LoadContext, step: JsonObject, args: JsonObject): StepNode['when'] {
  const inside = Object.hasOwn(args, 'when');
  const beside = Object.hasOwn(step, 'when');
  if (inside && beside) {
    const fix = 'Keep the one beside "args"';
    context.reporter.report('SHAPE_INVALID', spotOf(args, 'when'), '"when" stands both in and beside "args"', {
      fix,
      at: 'key',
    });
  }
  const owner = beside ? step : inside ? args : null;
  if (owner === null) return null;
  return { json: owner.when ?? null, spot: spotOf(owner, 'when') };
}

/** Remarks may stand among the arguments, too, unless the operation has an argument of that name. */
function isFreeArgument(operation: OperationDefinition | null, name: string): boolean {
  return FREE_KEYS.includes(name) && (operation === null || argumentDefinition(operation, name) === null);
}

/** An argument; several when the operation knows it by its members (`collect.from`). */
function readArguments(
  context: LoadContext,
  pack: string | null,
  operation: OperationDefinition | null,
  args: JsonObject,
  name: string,
): readonly ArgumentNode[] {
  const value = args[name];
  const byMember = operation !== null && Object.keys(operation.args).some((known) => known.startsWith(`${name}.`));
  if (!byMember || !isObject(value)) return [readArgument(context, pack, operation, args, name, name)];
  const members = Object.keys(value).map((member) =>
    readArgument(context, pack, operation, value, member, `${name}.${member}`),
  );
  return members.length > 0 ? members : [readArgument(context, pack, operation, args, name, name)];
}

function readArgument(
  context: LoadContext,
  pack: string | null,
  operation: OperationDefinition | null,
  args: JsonObject,
  member: string,
  name: string,
): ArgumentNode {
  return argumentNode(context, pack, operation, name, args[member] ?? null, spotOf(args, member), null);
}

function argumentNode(
  context: LoadContext,
  pack: string | null,
  operation: OperationDefinition | null,
  name: string,
  json: Json,
  spot: Spot,
  from: string | null,
): ArgumentNode {
  const definition = operation === null ? null : argumentDefinition(operation, name);
  const list = definition?.kind === 'pipeline' ? readSteps(context, pack, json, spot) : null;
  const target: NameKind | null = definition?.kind === 'schema' ? 'schema' : (definition?.to ?? null);
  const references = target === null ? [] : resolveNames(context, pack, target, json, spot, definition?.many === true);
  const resolved = resolveJson(context, pack, definition, json, references, list);
  return { name, spot, json, resolved, definition, references, list, from };
}

function resolveNames(
  context: LoadContext,
  pack: string | null,
  target: NameKind,
  json: Json,
  spot: Spot,
  many: boolean,
): readonly string[] {
  if (typeof json === 'string') return [context.names.resolve(target, pack, json, spot)];
  if (!many || !Array.isArray(json)) return [];
  return json.map((name: Json, index) =>
    typeof name === 'string' ? context.names.resolve(target, pack, name, spotOf(json, index)) : '',
  );
}

function defineStep(
  op: string,
  args: JsonObject,
  nodes: readonly ArgumentNode[],
  when: Json,
  catches: StepNode['catches'],
  label: string | null,
): StepDefinition {
  const nested = createMap<readonly StepDefinition[]>();
  const changed = new Map<string, Json>();
  for (const node of nodes) {
    if (node.list !== null) nested[node.name] = node.list.definitions;
    if (node.resolved !== node.json || node.from !== null) changed.set(node.name, node.resolved);
  }
  const handlers = createMap<readonly StepDefinition[]>();
  for (const { code, list } of catches) handlers[code] = list.definitions;
  return {
    op,
    args: rewriteArgs(args, changed),
    nested,
    when: isObject(when) ? when : null,
    catch: catches.length === 0 ? null : handlers,
    label,
  };
}

/** The arguments without `when`, changed and filled-in ones in place of what was written; as they are when nothing changes. */
function rewriteArgs(args: JsonObject, changed: ReadonlyMap<string, Json>): JsonObject {
  if (changed.size === 0 && !Object.hasOwn(args, 'when')) return args;
  const written = Object.entries(args).filter(([name]) => name !== 'when');
  // What is changed stays where it was written; what is filled in comes last.
  return { ...Object.fromEntries(written), ...Object.fromEntries(changed) };
}

/** An argument as the Definition has it: names qualified, nested steps as step definitions. */
function resolveJson(
  context: LoadContext,
  pack: string | null,
  definition: ArgumentDefinition | null,
  json: Json,
  references: readonly string[],
  list: StepList | null,
): Json {
  if (list !== null) return stepsAsJson(list.definitions);
  if (definition?.kind === 'schema' && isObject(json)) return resolveSchemaRefs(context, pack, json);
  if (references.length === 0) return json;
  if (typeof json === 'string') return references[0] ?? json;
  return Array.isArray(json) && json.every((name, index) => name === references[index]) ? json : references;
}

/** A step definition is JSON; only its interface has no index signature. */
function stepsAsJson(steps: readonly StepDefinition[]): Json {
  return steps as unknown as Json;
}

import { CONDITION_KEYS } from '../../language/condition.ts';
import { createMap } from '../object-reader.ts';
import type { Json, JsonObject } from '../types.ts';
import type { ArgumentDefinition, OperationDefinition, Vocabulary } from '../vocabulary.ts';
import { closed, list, named, part, SCHEMA } from './parts.ts';

/** A text that is more than itself: it refers to a variable, or is a number or truth value written as a text. */
const REFERENCE: JsonObject = { type: 'string', pattern: '[$\\{]|^-?[0-9]+(\\.[0-9]+)?$|^(true|false)$' };
const NAME: JsonObject = { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' };

/** Steps, conditions and each operation's arguments: the `$defs` that route files, packs and registries share. */
export function stepParts(vocabulary: Vocabulary): JsonObject {
  const operations = [...vocabulary.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
  return {
    steps: list('Steps, run in order until one of them responds.', part('step')),
    step: step(operations),
    condition: condition(),
    ...Object.fromEntries(operations.map((operation) => [argumentsName(operation), argumentsSchema(operation)])),
  };
}

function argumentsName({ op }: OperationDefinition): string {
  return `arguments.${op}`;
}

/** Told apart by `op`, so that an editor offers the arguments of just that operation. */
function step(operations: readonly OperationDefinition[]): JsonObject {
  const shape = closed(
    'One step: an operation and its arguments.',
    {
      op: {
        description: 'The operation.',
        type: 'string',
        anyOf: operations.map(({ op, summary }) => ({ const: op, description: summary })),
      },
      args: { type: 'object', description: 'Arguments of the operation.' },
      when: part('condition'),
      catch: named('Steps by the error code that they are for; they see "error".', part('steps')),
      label: { type: 'string', description: 'A name for traces and metrics.' },
    },
    ['op'],
  );
  return {
    ...shape,
    allOf: operations.map((operation) => ({
      if: { properties: { op: { const: operation.op } }, required: ['op'] },
      then: {
        properties: { args: part(argumentsName(operation)) },
        ...(needsArguments(operation) && { required: ['args'] }),
      },
    })),
  };
}

function needsArguments({ args, oneOf }: OperationDefinition): boolean {
  return oneOf.length > 0 || Object.entries(args).some(([name, { required }]) => required && !name.includes('.'));
}

function argumentsSchema({ summary, description, args, oneOf }: OperationDefinition): JsonObject {
  const properties = createMap<Json>();
  const groups = new Map<string, [string, ArgumentDefinition][]>();
  for (const [name, definition] of Object.entries(args)) {
    const dot = name.indexOf('.');
    if (dot === -1) {
      if (name !== '*') properties[name] = argument(definition);
      continue;
    }
    const members = groups.get(name.slice(0, dot)) ?? [];
    members.push([name.slice(dot + 1), definition]);
    groups.set(name.slice(0, dot), members);
  }
  for (const [name, members] of groups) {
    const required = members.filter(([, { required: isRequired }]) => isRequired).map(([member]) => member);
    const inner = Object.fromEntries(members.map(([member, definition]) => [member, argument(definition)]));
    properties[name] = closed(members.map(([member]) => member).join(', '), inner, required);
  }
  const required = Object.entries(args).filter(([name, { required: isRequired }]) => isRequired && !/[.*]/.test(name));
  const schema = closed(
    description === '' ? summary : `${summary} ${description}`,
    { ...properties, when: part('condition') },
    required.map(([name]) => name),
  );
  const any = args['*'];
  return {
    ...schema,
    ...(any !== undefined && { additionalProperties: argument(any) }),
    ...(oneOf.length > 0 && {
      allOf: oneOf.map((group) => ({ oneOf: oneGiven(group, args) })),
    }),
  };
}

/** Exactly one of a group; a key that is filled in counts as given. */
function oneGiven(group: readonly string[], args: OperationDefinition['args']): readonly JsonObject[] {
  const filled = group.some((name) => args[name]?.kind === 'key');
  const none: JsonObject = { not: { anyOf: group.map((name) => ({ required: [name] })) } };
  return [...group.map((name) => ({ required: [name] })), ...(filled ? [none] : [])];
}

function argument(definition: ArgumentDefinition): JsonObject {
  const { description } = definition;
  const name = { type: 'string', minLength: 1, description };
  switch (definition.kind) {
    case 'template':
      return { description, ...templateSchema(definition) };
    case 'literal':
      return { ...definition.schema, description };
    case 'bindings':
      return { description };
    case 'bind':
      return { ...NAME, description };
    case 'reference':
      return definition.many ? { description, anyOf: [name, { type: 'array', items: name }] } : name;
    case 'regex':
    case 'source':
      return { type: 'string', description };
    case 'condition':
      return { description, allOf: [part('condition')] };
    case 'pipeline':
      return { description, allOf: [part('steps')] };
    case 'key':
      return { description, type: definition.many ? ['string', 'array'] : ['string', 'object'] };
    case 'schema':
      return { description, anyOf: [{ type: 'string', description: 'Name of a schema.' }, SCHEMA] };
  }
}

/** A value written out fits the schema; a text may stand for any value, and the parts of lists and objects too. */
function templateSchema({ schema, nullable }: ArgumentDefinition): JsonObject {
  if (schema === null) return {};
  const { items: _items, ...outer } = schema;
  const options: readonly JsonObject[] = [
    outer,
    ...(schema.type === 'string' ? [] : [REFERENCE]),
    ...(nullable ? [{ type: 'null' }] : []),
    // `$literal` wraps any value.
    ...(schema.type === 'object' ? [] : [{ type: 'object', required: ['$literal'] }]),
  ];
  return { anyOf: options };
}

function condition(): JsonObject {
  const pair = (description: string): JsonObject => ({ type: 'array', minItems: 2, maxItems: 2, description });
  const one = (description: string): JsonObject => ({ type: 'string', description });
  const known: JsonObject = {
    equals: pair('The two are the same.'),
    not_equals: pair('The two differ.'),
    in: pair('The first is in the list that is the second.'),
    not_in: pair('The first is not in the list that is the second.'),
    is_null: one('It is null or absent.'),
    is_not_null: one('It is neither null nor absent.'),
    is_empty: one('It is null, or an empty text, list or object.'),
    is_not_empty: one('It is neither null nor empty.'),
    lt: pair('The first is less than the second.'),
    lte: pair('The first is at most the second.'),
    gt: pair('The first is greater than the second.'),
    gte: pair('The first is at least the second.'),
    matches: pair('The first matches the regular expression that is the second.'),
    all: list('All of these hold.', part('condition')),
    any: list('One of these holds.', part('condition')),
    not: part('condition'),
    expr: one('A JSONata expression that is true.'),
  };
  return {
    type: 'object',
    description: 'A condition; several keys mean all of them.',
    properties: Object.fromEntries(CONDITION_KEYS.map((key) => [key, known[key] ?? {}])),
    additionalProperties: false,
    minProperties: 1,
  };
}

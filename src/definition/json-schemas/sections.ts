import { SHAPES, type Shape } from '../sections/shapes.ts';
import type { JsonObject } from '../types.ts';
import { choice, closed, flag, integer, list, named, oneOrMore, part, SCHEMA, text, texts } from './parts.ts';

const ENTITY = closed(
  'A kind of thing: its fields and what they may hold.',
  {
    fields: named(
      'Fields by name.',
      closed('A field.', {
        type: choice('What it holds.', ['string', 'integer', 'number', 'boolean', 'object', 'array']),
        optional: flag('It may be absent.'),
        normalize: list('What is done to it, in order.', {
          type: 'string',
          pattern: '^(trim|lower|upper|replace:[^:]+:[^:]*)$',
        }),
      }),
    ),
    primary_key: texts('Fields that together name one.'),
    constraints: list(
      'Regular expressions that fields match.',
      closed(
        'A constraint.',
        { field: text('The field.'), regex: text('The expression.'), when_present: flag('Only where it is there.') },
        ['field', 'regex'],
      ),
    ),
  },
  ['fields'],
);

export const VERSIONING = closed('How versions are ordered, and which is the latest.', {
  scheme: text('How versions are written.'),
  ordering: choice('How they sort.', ['semver', 'natural', 'text']),
  allow_prerelease: flag('Prereleases may be published.'),
  latest_policy: closed('Which version is the latest.', {
    enabled: flag('There is one.'),
    monotonic: flag('It never goes back.'),
    exclude_prerelease: flag('It is never a prerelease.'),
  }),
});

const DOCUMENT = closed(
  'A kind of record.',
  {
    store: text('The kv store that holds it.'),
    key_template: text('How its key is made: "note/{owner}/{name?}".'),
    schema: text('Name of the schema that it fits.'),
    blobs: texts('Fields that hold digests of blobs.'),
    ttl_seconds: integer('How long it lives; 0: for ever.'),
    encrypted: flag('It is stored encrypted.'),
    visible_when: part('condition'),
  },
  ['store', 'key_template'],
);

const WEIGHT: JsonObject = { type: 'number', exclusiveMinimum: 0, maximum: 1000 };
/** A field may be called as remarks are: what is a weight is none. */
const TEXT: JsonObject = {
  type: 'object',
  description: 'Fields that are searched, with weights; four different ones at most.',
  properties: {
    ...Object.fromEntries(
      ['$schema', 'description', 'comment'].map((key) => [key, { anyOf: [WEIGHT, { type: 'string' }] }]),
    ),
    examples: { anyOf: [WEIGHT, { type: ['string', 'array'] }] },
  },
  additionalProperties: WEIGHT,
};

const INDEX = closed(
  'Finds documents by their fields.',
  {
    source_document: text('The document.'),
    keys: list(
      'Ways to ask.',
      closed(
        'A key.',
        {
          name: text('Its name.'),
          fields: texts('Fields that are asked for by value.'),
          sort: texts('Order of what is found: "field", "field:asc" or "field:desc".'),
          unique: flag('No two documents agree in the fields.'),
        },
        ['name'],
      ),
    ),
    derive: named('Fields computed when a document is written, from "record".', {}),
    filter: part('condition'),
    text: TEXT,
    materialization: closed('Who keeps the index.', {
      mode: choice('The engine, or steps.', ['incremental', 'manual']),
      trigger: choice('When.', ['on_commit', 'manual']),
    }),
  },
  ['source_document', 'keys'],
);

export const PIPELINE = closed(
  'Steps that "flow.call" runs.',
  {
    inputs: texts('Names that it is given.'),
    outputs: texts('Names that it gives back.'),
    pipeline: part('steps'),
  },
  ['pipeline'],
);

const ACCESS_RULE: JsonObject = {
  ...closed(
    'A rule. Each further key is an action, with whom it is for; what is not listed nobody may.',
    {
      names: oneOrMore('Patterns: "*" for a segment or a part of one, "**" for anything.'),
      hidden: flag('Whoever may not "read" is told that there is no such thing.'),
    },
    ['names'],
  ),
  patternProperties: {
    '^(?!names$|hidden$|description$|comment$|examples$)[a-z][a-z0-9_]*$': list('Who may.', {
      anyOf: [
        { enum: ['$all', '$authenticated'] },
        { type: 'string', pattern: '^(role|org|scope):.', description: 'Who has it.' },
        { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._@+-]*$', description: 'A user.' },
      ],
    }),
  },
};

const ERROR_ENTRY = closed('The answer to an error; headers and body that it leaves out are those of "*".', {
  status: integer('HTTP status.', 100),
  headers: named('Header templates.', {}),
  body: { description: 'A template; "error" has code, message, details, step.' },
  message: text('The sentence of "respond.error" with this code: a template over the variables of the step.'),
  code: text('The code that "respond.error" raises in place of this name.'),
});

const EVENT = closed('A type of event.', { name: text('Its name.'), durable: flag('It is kept.'), schema: SCHEMA }, [
  'name',
]);

/** What `storage` of packs holds; that of a registry has stores besides. */
export const STORAGE: JsonObject = {
  documents: named('Documents by name.', DOCUMENT),
  schemas: named('JSON Schemas by name.', SCHEMA),
};

/** The sections that registries and packs have alike, `storage` apart. */
export const SHARED: JsonObject = {
  entities: named('Entities by name.', ENTITY),
  indexes: named('Indexes by name.', INDEX),
  pipelines: named('Shared pipelines by name.', PIPELINE),
  errors: named('Answers by error code; "*" for all others.', ERROR_ENTRY),
  events: closed('Events.', { types: list('Types of events.', EVENT) }),
  features: { type: 'object', description: 'Switches that pipelines read as registry.features.' },
  access: named(
    'Who may do what to which names, by name; "pack.name" in schema.json replaces a pack\'s.',
    list('Rules; the first that a name matches decides.', ACCESS_RULE),
  ),
  commands: { type: 'object', description: 'Verbs of the command line.' },
};

export const ROUTE_KEYS: JsonObject = {
  id: text('Its name; that of the file where it has one of its own.'),
  method: oneOrMore('HTTP methods; HEAD comes with GET.', { type: 'string', pattern: '^[A-Z]+$' }),
  path: oneOrMore('Path patterns: {x} a segment, {x+} several, {x:regex}. Under the mounts of its pack.', {
    type: 'string',
  }),
  tags: texts('Tags, which policies look at.'),
  summary: text('One sentence.'),
  params: SCHEMA,
  query: SCHEMA,
  body: SCHEMA,
  returns: SCHEMA,
  cache: flag('Whether answers are kept, where caching.response_cache is on; true warns where they cannot be.'),
  pipeline: part('steps'),
};

const ROUTE_MEANING = 'A route: what is asked for, and the steps that answer.';

export const ROUTE = closed(ROUTE_MEANING, ROUTE_KEYS, ['id', 'method', 'path', 'pipeline']);

/** In a file of its own a route has the file's name. */
export const ROUTE_FILE = closed(ROUTE_MEANING, ROUTE_KEYS, ['method', 'path', 'pipeline']);

/** The schema of a section that is kept as JSON. */
export function shaped(name: keyof typeof SHAPES, description: string): JsonObject {
  return { ...fromShape(SHAPES[name]), description };
}

function fromShape(shape: Shape): JsonObject {
  if (typeof shape !== 'string') {
    if (isList(shape)) return { type: 'array', items: fromShape(shape[0]) };
    const members = Object.entries(shape).map(([key, inner]): [string, JsonObject] => [key, fromShape(inner)]);
    const { description: _, ...schema } = closed('', Object.fromEntries(members));
    return schema;
  }
  switch (shape) {
    case 'text':
      return { type: 'string' };
    case 'texts':
      return { type: 'array', items: { type: 'string' } };
    case 'on_fail':
      return { enum: ['reject_config', 'abort_request', 'warn'] };
    case 'any':
      return {};
    default:
      return { type: shape };
  }
}

function isList(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape);
}

import type { Definition, Json, JsonObject, RouteDefinition, StepDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { walkSteps } from '../engine/walk-steps.ts';
import { type PathPattern, parsePathPattern } from '../language/path-pattern.ts';
import { ERROR_SCHEMA, responsesOf } from './openapi-responses.ts';
import { createOpenApiSchemas, type OpenApiSchemas } from './openapi-schemas.ts';
import { scopesOf } from './routes.ts';

const ERROR_BODY: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'request_id'],
      properties: {
        code: { type: 'string', description: 'Stable; what programs compare' },
        message: { type: 'string', description: 'A sentence for people' },
        details: { description: 'Particulars, where there are any' },
        request_id: { type: 'string', description: 'What the log calls this request' },
      },
    },
  },
};

/**
 * The routes of a registry as an OpenAPI 3.1 document. Parameters come from paths and from `params`, `query`, `body` and `returns` where a
 * route declares them, else from what its steps parse; answers from the steps that respond and from the codes that the others fail with.
 */
export function openApiDocument(definition: Definition, vocabulary: Vocabulary): JsonObject {
  const schemas = createOpenApiSchemas(definition, { [ERROR_SCHEMA]: ERROR_BODY });
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of definition.routes) {
    const steps = [...walkSteps(definition, vocabulary, route.pipeline)];
    let uses = 0;
    for (const path of route.paths) {
      const pattern = parsePathPattern(path);
      const template = templateOf(pattern);
      const item = paths[template] ?? {};
      paths[template] = item;
      for (const method of route.methods) {
        // Patterns that only differ in a regex are one path here: the first to come describes it.
        if (!METHODS.has(method) || item[method.toLowerCase()] !== undefined) continue;
        uses++;
        const id = uses === 1 ? route.id : `${route.id}_${uses}`;
        item[method.toLowerCase()] = operationOf(definition, vocabulary, route, pattern, steps, schemas, id);
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: definition.typeId, version: definition.schemaVersion, description: definition.description },
    tags: definition.packs.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.components(),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, basic: { type: 'http', scheme: 'basic' } },
    },
  };
}

const METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE']);

/** `{x+}` and `{x:regex}` are `{x}` to OpenAPI. */
function templateOf({ segments, trailingSlash }: PathPattern): string {
  const parts = segments.map((segment) =>
    segment.kind === 'literal'
      ? encodeURIComponent(segment.text)
      : `${segment.prefix}{${segment.name}}${segment.suffix}`,
  );
  return `/${parts.join('/')}${trailingSlash ? '/' : ''}`;
}

function operationOf(
  definition: Definition,
  vocabulary: Vocabulary,
  route: RouteDefinition,
  pattern: PathPattern,
  steps: readonly StepDefinition[],
  schemas: OpenApiSchemas,
  operationId: string,
): JsonObject {
  const scopes = scopesOf(definition, vocabulary, route);
  const isOpen = scopes.every((scope) => definition.auth.anonymousScopes.includes(scope));
  const body = bodyOf(route, steps, schemas);
  return {
    operationId,
    ...(route.summary === '' ? {} : { summary: route.summary }),
    ...(route.pack === null ? {} : { tags: [route.pack] }),
    parameters: [
      ...pathParameters(definition, route, pattern, steps, schemas),
      ...queryParameters(route, steps, schemas),
      ...headerParameters(steps),
    ],
    ...(body === null ? {} : { requestBody: body }),
    responses: responsesOf(definition, vocabulary, route, steps, schemas),
    security: [...(isOpen ? [{}] : []), { bearer: [] }, { basic: [] }],
    'x-route-tags': route.tags,
    'x-scopes': scopes,
  };
}

function pathParameters(
  definition: Definition,
  route: RouteDefinition,
  { params, segments }: PathPattern,
  steps: readonly StepDefinition[],
  schemas: OpenApiSchemas,
): readonly JsonObject[] {
  const declared = new Map(
    schemas.members(route.params, `${route.id}.params`).map(({ name, schema }) => [name, schema]),
  );
  const entities = steps.flatMap(({ op, args }) =>
    op === 'validate.entity' ? (definition.entities[String(args.entity)] ?? []) : [],
  );
  return params.map(({ name, multi }) => {
    const segment = segments.find((candidate) => candidate.kind === 'param' && candidate.name === name);
    const own = segment?.kind === 'param' ? segment.regexSource : '';
    const entity = entities.find(({ fields }) => Object.hasOwn(fields, name));
    const regex = entity?.constraints.find(({ field }) => field === name)?.regex;
    const normalize = entity?.fields[name]?.normalize ?? [];
    const schema: Record<string, Json> = { type: 'string' };
    if (own !== '') schema.pattern = `^(?:${own})$`;
    // What a client may write is wider than the constraint where the value is brought into form before it is checked.
    else if (regex !== undefined && normalize.length === 0) schema.pattern = regex;
    const remarks = [
      ...(multi ? ['May hold slashes'] : []),
      ...(regex !== undefined && normalize.length > 0 ? [`After ${normalize.join(', ')} it matches ${regex}`] : []),
    ];
    const parameter: Record<string, Json> = { name, in: 'path', required: true, schema: declared.get(name) ?? schema };
    if (remarks.length > 0) parameter.description = remarks.join('. ');
    return parameter;
  });
}

function queryParameters(
  route: RouteDefinition,
  steps: readonly StepDefinition[],
  schemas: OpenApiSchemas,
): readonly JsonObject[] {
  const parsed = steps.find(({ op, args }) => op === 'parse.query' && args.schema !== undefined)?.args.schema;
  return schemas
    .members(route.query ?? parsed ?? null, `${route.id}.query`)
    .map(({ name, schema, required }) => ({ name, in: 'query', required, schema }));
}

/** Headers that OpenAPI describes elsewhere. */
const NOT_PARAMETERS = new Set(['accept', 'content-type', 'authorization']);

function headerParameters(steps: readonly StepDefinition[]): readonly JsonObject[] {
  const headers = new Map<string, JsonObject>();
  for (const { op, args } of steps) {
    if (op !== 'parse.header' || typeof args.name !== 'string' || NOT_PARAMETERS.has(args.name.toLowerCase())) continue;
    const schema: Record<string, Json> = { type: 'string' };
    if (typeof args.pattern === 'string') schema.pattern = args.pattern;
    const required = args.required === true;
    headers.set(args.name.toLowerCase(), { name: args.name, in: 'header', required, schema });
  }
  return [...headers.values()];
}

function bodyOf(route: RouteDefinition, steps: readonly StepDefinition[], schemas: OpenApiSchemas): JsonObject | null {
  const parse = steps.find(({ op }) => op === 'parse.json');
  if (parse !== undefined) {
    const types = Array.isArray(parse.args.media_types) ? parse.args.media_types.map(String) : ['application/json'];
    const schema = schemas.use(route.body ?? parse.args.schema ?? {}, `${route.id}.body`);
    return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
  }
  if (route.body !== null) {
    return { required: true, content: { 'application/json': { schema: schemas.use(route.body, `${route.id}.body`) } } };
  }
  const isStored = steps.some(
    ({ op, args }) => op === 'blob.put' && /^[${]?request\.body\}?$/.test(String(args.from ?? 'request.body')),
  );
  return isStored ? { required: true, content: { '*/*': {} } } : null;
}

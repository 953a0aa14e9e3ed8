import type { Definition, Json, JsonObject, RouteDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { openApiDocument } from './openapi.ts';
import { table } from './render-operations.ts';
import { routeRows } from './routes.ts';

/** `docs/routes.md`: each route of a registry with what it takes and what it answers. */
export function renderRoutes(definition: Definition, vocabulary: Vocabulary): string {
  const rows = routeRows(definition, vocabulary);
  const operations = operationsOf(openApiDocument(definition, vocabulary));
  const routes = new Map(definition.routes.map((route) => [route.id, route]));
  return `${[
    '# Routes',
    `${definition.description} Rendered from the routes by \`entrepot docs\`; \`entrepot explain ROUTE\` shows the steps of one.`,
    table(
      '| method | path | id | scopes |',
      rows.flatMap(({ methods, paths, id, scopes }) =>
        paths.map((path) => `| ${methods.join(', ')} | \`${path}\` | [\`${id}\`](#${id}) | ${scopes.join(', ')} |`),
      ),
    ),
    ...rows.map(({ id }) => renderRoute(routes.get(id), operations.get(id))),
  ].join('\n\n')}\n`;
}

function renderRoute(route: RouteDefinition | undefined, operation: JsonObject | undefined): string {
  if (route === undefined || operation === undefined) throw new Error('Every row is of a route');
  const parameters = listOf(operation.parameters).map(
    (parameter) =>
      `| \`${parameter.name}\` | ${parameter.in} | ${parameter.required === true ? 'yes' : 'no'} | ${constraintOf(parameter)} |`,
  );
  const body = objectOf(operation.requestBody).content;
  const responses = Object.entries(objectOf(operation.responses)).map(([status, response]) => {
    const { description, content } = objectOf(response);
    return `| ${status} | ${escaped(String(description))} | ${Object.keys(objectOf(content)).join(', ')} |`;
  });
  return [
    `## ${route.id}`,
    route.paths.flatMap((path) => route.methods.map((method) => `\`${method} ${path}\``)).join(', '),
    ...(route.summary === '' ? [] : [route.summary]),
    ...(parameters.length === 0 ? [] : [table('| parameter | in | required | |', parameters)]),
    ...(body === undefined
      ? []
      : [
          `Body: ${Object.keys(objectOf(body))
            .map((type) => `\`${type}\``)
            .join(', ')}.`,
        ]),
    table('| status | meaning | media type |', responses),
  ].join('\n\n');
}

/** By id; of a route with several paths the first. */
function operationsOf(document: JsonObject): ReadonlyMap<string, JsonObject> {
  const operations = Object.values(objectOf(document.paths)).flatMap((item) =>
    Object.values(objectOf(item)).map(objectOf),
  );
  return new Map(operations.map((operation) => [String(operation.operationId), operation]));
}

function constraintOf({ schema, description }: JsonObject): string {
  const rules = Object.entries(objectOf(schema)).map(([name, value]) =>
    name === 'type' ? String(value) : `${name} ${JSON.stringify(value)}`,
  );
  return escaped([...rules, ...(description === undefined ? [] : [String(description)])].join('; '));
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

function objectOf(json: Json | undefined): JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : {};
}

function listOf(json: Json | undefined): readonly JsonObject[] {
  return Array.isArray(json) ? json.map(objectOf) : [];
}

import type { LoadContext, Model, RouteNode } from '../model.ts';
import { qualify } from '../names.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { DefinitionFile } from '../read-files.ts';
import { resolveSchemaRefs } from '../schema-refs.ts';
import { readSteps } from '../steps.ts';
import type { Json, JsonObject, PackDefinition } from '../types.ts';

/** Reads `api.routes` of `schema.json`, whose paths are not mounted. */
export function readRoutes(context: LoadContext, model: Model, owner: ObjectReader): void {
  const api = owner.child('api');
  api?.list('routes', (json, spot) => {
    const route = readRoute(context, model, null, json, spot, null);
    if (route !== null) model.routes.push(route);
    return undefined;
  });
  api?.finish();
}

/** Reads a pack's route files; each holds one route, whose id is the file's name. */
export function readRouteFiles(
  context: LoadContext,
  model: Model,
  pack: PackDefinition,
  files: readonly DefinitionFile[],
): void {
  for (const file of files) {
    const expected = file.name.slice(file.name.lastIndexOf('/') + 1, -'.json'.length);
    const route = readRoute(context, model, pack, file.json, spotOf(file.json), expected);
    if (route === null) continue;
    model.routes.push(route);
    const { id } = route.definition;
    if (id === '' || id === expected) continue;
    const fix = `Leave "id" out, or rename the file to "${id}.json"`;
    context.reporter.report(
      'ROUTE_FILE_NAME',
      spotOf(file.json, 'id'),
      `The file of the route "${id}" is called "${expected}.json"`,
      { fix },
    );
  }
}

function readRoute(
  context: LoadContext,
  model: Model,
  pack: PackDefinition | null,
  json: Json,
  spot: Spot,
  fileName: string | null,
): RouteNode | null {
  const { reporter } = context;
  const reader = openObject(json, spot, reporter);
  if (reader === null) return null;
  const packName = pack?.name ?? null;
  const id = fileName === null ? reader.requiredText('id') : (reader.text('id', null) ?? fileName);
  reader.require('method');
  const methods = reader.textOrTexts('method');
  for (const method of methods) {
    if (/^[A-Z]+$/.test(method)) continue;
    reporter.report('SHAPE_INVALID', reader.at('method'), `"${method}" is not a method`, {
      fix: 'Methods are written in capitals',
    });
  }
  reader.require('path');
  const { paths, pathSpots } = readPaths(reader, pack?.mounts ?? [''], context);
  const list = readSteps(context, packName, reader.any('pipeline'), reader.at('pipeline'));
  const schemaOf = (key: string): JsonObject | null => {
    const schema = reader.object(key);
    if (schema === null) return null;
    const resolved = resolveSchemaRefs(context, packName, schema);
    model.loose.push({ kind: 'schema', json: schema, resolved, spot: reader.at(key), names: [] });
    return resolved;
  };
  const definition = {
    id,
    pack: packName,
    methods,
    paths,
    tags: reader.texts('tags'),
    summary: reader.text('summary', ''),
    params: schemaOf('params'),
    query: schemaOf('query'),
    body: schemaOf('body'),
    returns: schemaOf('returns'),
    cache: reader.has('cache') ? reader.boolean('cache', false) : null,
    keeping: null,
    pipeline: list.definitions,
  };
  reader.finish();
  return { definition, spot, json: reader.json, list, pathSpots };
}

function readPaths(
  reader: ObjectReader,
  mounts: readonly string[],
  context: LoadContext,
): { paths: string[]; pathSpots: Spot[] } {
  const paths: string[] = [];
  const pathSpots: Spot[] = [];
  const json = reader.json.path;
  reader.textOrTexts('path').forEach((path, index) => {
    const spot = Array.isArray(json) ? spotOf(json, index) : reader.at('path');
    if (path !== '' && !path.startsWith('/')) {
      context.reporter.report('SHAPE_INVALID', spot, 'A path begins with "/"', { fix: `Write "/${path}"` });
    }
    for (const mount of mounts) {
      const rooted = path === '' || path.startsWith('/') ? path : `/${path}`;
      paths.push(mount + rooted === '' ? '/' : mount + rooted);
      pathSpots.push(spot);
    }
  });
  return { paths, pathSpots };
}

/** Reads `pipelines` of `schema.json` or of a pack into the model. */
export function readPipelines(context: LoadContext, model: Model, owner: ObjectReader, pack: string | null): void {
  const pipelines = owner.object('pipelines') ?? {};
  for (const [name, json] of Object.entries(pipelines)) {
    if (isRemark(name, json)) continue;
    const spot = spotOf(pipelines, name);
    const reader = openObject(json, spot, context.reporter);
    if (reader === null) continue;
    const inputs = reader.texts('inputs');
    const outputs = reader.texts('outputs');
    const list = readSteps(context, pack, reader.any('pipeline'), reader.at('pipeline'));
    reader.finish();
    const qualified = qualify(pack, name);
    const pipeline = list.definitions;
    model.pipelines.set(qualified, {
      definition: { name: qualified, pack, inputs, outputs, pipeline },
      json: reader.json,
      list,
    });
  }
}

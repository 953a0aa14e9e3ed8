import { memberObject } from './declare.ts';
import { qualify } from './names.ts';
import { isObject, isRemark } from './object-reader.ts';
import type { Json, JsonObject, RouteDefinition } from './types.ts';

/**
 * All files as one JSON value in the form of a one-file registry: names of packs are qualified, routes stand in `api.routes` with
 * their full paths and, where they have one, their `pack`.
 */
export function mergeRaw(
  schema: JsonObject,
  packs: readonly { readonly name: string; readonly json: JsonObject }[],
  routes: readonly { readonly json: JsonObject; readonly definition: RouteDefinition }[],
): JsonObject {
  const storage = memberObject(schema, 'storage');
  const merged = (pick: (json: JsonObject) => JsonObject): JsonObject => {
    const entries = packs.flatMap(({ name, json }) =>
      Object.entries(pick(json))
        .filter(([key, value]) => !isRemark(key, value))
        .map(([key, value]): [string, Json] => [qualify(name, key), value]),
    );
    return Object.fromEntries([...Object.entries(pick(schema)), ...entries]);
  };
  const section = (key: string): JsonObject => merged((json) => memberObject(json, key));
  return {
    ...schema,
    entities: section('entities'),
    access: { ...section('access'), ...memberObject(schema, 'access') },
    indexes: section('indexes'),
    pipelines: section('pipelines'),
    storage: {
      ...storage,
      documents: merged((json) => memberObject(memberObject(json, 'storage'), 'documents')),
      schemas: merged((json) => memberObject(memberObject(json, 'storage'), 'schemas')),
    },
    events: {
      ...memberObject(schema, 'events'),
      types: [...eventTypes(schema, null), ...packs.flatMap(({ name, json }) => eventTypes(json, name))],
    },
    api: { ...memberObject(schema, 'api'), routes: routes.map(({ json, definition }) => rawRoute(json, definition)) },
  };
}

function eventTypes(json: JsonObject, pack: string | null): readonly Json[] {
  const { types } = memberObject(json, 'events');
  if (!Array.isArray(types)) return [];
  return types.map((type: Json) =>
    isObject(type) && typeof type.name === 'string' ? { ...type, name: qualify(pack, type.name) } : type,
  );
}

function rawRoute(json: JsonObject, { id, pack, paths }: RouteDefinition): JsonObject {
  if (pack === null) return json;
  const [only, ...others] = paths;
  return { id, ...json, pack, path: others.length === 0 ? (only ?? '') : paths };
}

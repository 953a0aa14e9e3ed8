import type { LoadContext } from './model.ts';
import { suggest } from './nearest.ts';
import { isObject } from './object-reader.ts';
import { type Spot, spotOf } from './places.ts';
import type { Json, JsonObject } from './types.ts';

/** A schema with the `$ref`s that name other declared schemas resolved to qualified names; itself where nothing changes. */
export function resolveSchemaRefs(context: LoadContext, pack: string | null, schema: JsonObject): JsonObject {
  const changed = resolveRefs(context, pack, schema);
  return isObject(changed) ? changed : schema;
}

function resolveRefs(context: LoadContext, pack: string | null, json: Json): Json {
  if (Array.isArray(json)) {
    const items = json.map((item: Json) => resolveRefs(context, pack, item));
    return items.every((item, index) => item === json[index]) ? json : items;
  }
  if (!isObject(json)) return json;
  let changed = false;
  const entries = Object.entries(json).map(([key, value]): [string, Json] => {
    const resolved =
      key === '$ref' && typeof value === 'string'
        ? resolveRef(context, pack, value, spotOf(json, key))
        : resolveRefs(context, pack, value);
    changed ||= resolved !== value;
    return [key, resolved];
  });
  return changed ? Object.fromEntries(entries) : json;
}

function resolveRef(context: LoadContext, pack: string | null, ref: string, spot: Spot): string {
  const hash = ref.indexOf('#');
  const name = hash === -1 ? ref : ref.slice(0, hash);
  if (name === '') return ref;
  const found = context.names.find('schema', pack, name);
  if (found !== null) return found + ref.slice(name.length);
  const fix = suggest(name, context.names.all('schema'));
  context.reporter.report('REFERENCE_UNKNOWN', spot, `There is no schema "${name}"`, { fix });
  return ref;
}

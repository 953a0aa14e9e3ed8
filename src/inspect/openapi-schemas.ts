import type { Definition, Json, JsonObject } from '../definition/types.ts';

/** Schemas as they stand in an OpenAPI document. */
export interface OpenApiSchemas {
  /** A schema in place, or a reference to one of the components; `hint` names it where it must become one. */
  use(schemaOrName: Json, hint: string): JsonObject;
  /** The members of an object schema, each ready to stand by itself, with which of them are required. */
  members(
    schemaOrName: Json,
    hint: string,
  ): readonly { readonly name: string; readonly schema: JsonObject; readonly required: boolean }[];
  /** What `components.schemas` must hold. */
  components(): JsonObject;
}

const COMPONENTS = '#/components/schemas/';

/** Declared schemas become components under their own names; references are pointed there. */
export function createOpenApiSchemas(definition: Definition, more: JsonObject): OpenApiSchemas {
  const components: Record<string, Json> = { ...more };
  for (const [name, schema] of Object.entries(definition.schemas)) {
    components[name] = pointed(schema, `${COMPONENTS}${name}`);
  }

  function use(schemaOrName: Json, hint: string): JsonObject {
    if (typeof schemaOrName === 'string') return { $ref: COMPONENTS + schemaOrName };
    if (!isObject(schemaOrName)) return {};
    if (!refersToItself(schemaOrName)) return asObject(pointed(schemaOrName, ''));
    components[hint] = pointed(schemaOrName, COMPONENTS + hint);
    return { $ref: COMPONENTS + hint };
  }

  return {
    use,
    members(schemaOrName, hint) {
      const schema = typeof schemaOrName === 'string' ? definition.schemas[schemaOrName] : schemaOrName;
      if (!isObject(schema) || !isObject(schema.properties)) return [];
      const required = Array.isArray(schema.required) ? schema.required : [];
      const base = refersToItself(schema) ? use(schemaOrName, hint).$ref : '';
      return Object.entries(schema.properties).map(([name, member]) => ({
        name,
        schema: asObject(pointed(member, String(base))),
        required: required.includes(name),
      }));
    },
    components: () => components,
  };
}

/** A copy whose references lead into the document: `Name#/x` to the component of that name, `#/x` below `base`. */
function pointed(json: Json, base: string): Json {
  if (Array.isArray(json)) return json.map((item: Json) => pointed(item, base));
  if (!isObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' ? pointedRef(value, base) : pointed(value, base),
    ]),
  );
}

function pointedRef(ref: string, base: string): string {
  const [name = '', pointer = ''] = ref.split('#', 2);
  return name === '' ? base + pointer : COMPONENTS + name + pointer;
}

function refersToItself(json: Json): boolean {
  if (Array.isArray(json)) return json.some(refersToItself);
  if (!isObject(json)) return false;
  return Object.entries(json).some(
    ([key, value]) => (key === '$ref' && typeof value === 'string' && value.startsWith('#')) || refersToItself(value),
  );
}

/** `true` and `false` are schemas too. */
function asObject(schema: Json): JsonObject {
  return isObject(schema) ? schema : schema === false ? { not: {} } : {};
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

import type { Json, JsonObject } from '../types.ts';

/** Keys that mean nothing and may stand everywhere. */
const REMARKS: JsonObject = {
  $schema: { type: 'string' },
  description: { type: 'string' },
  comment: {},
  examples: {},
};

/** An object with these keys and no others; remarks may stand in it. */
export function closed(description: string, properties: JsonObject, required: readonly string[] = []): JsonObject {
  return {
    type: 'object',
    description,
    properties: { ...REMARKS, ...properties },
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

/** An object that holds things by name; remarks may stand among them. */
export function named(description: string, item: Json): JsonObject {
  return { type: 'object', description, properties: REMARKS, additionalProperties: item };
}

export function text(description: string): JsonObject {
  return { type: 'string', description };
}

export function texts(description: string): JsonObject {
  return { type: 'array', items: { type: 'string', minLength: 1 }, description };
}

export function oneOrMore(description: string, item: JsonObject = { type: 'string', minLength: 1 }): JsonObject {
  return { description, anyOf: [item, { type: 'array', items: item, minItems: 1 }] };
}

export function integer(description: string, minimum = 0): JsonObject {
  return { type: 'integer', minimum, description };
}

export function flag(description: string): JsonObject {
  return { type: 'boolean', description };
}

export function choice(description: string, values: readonly string[]): JsonObject {
  return { enum: values, description };
}

export function list(description: string, items: Json): JsonObject {
  return { type: 'array', items, description };
}

/** Refers to a part that every schema of `index.ts` has. */
export function part(name: string): JsonObject {
  return { $ref: `#/$defs/${name}` };
}

/** A JSON Schema as a value. */
export const SCHEMA: JsonObject = { type: ['object', 'boolean'], description: 'A JSON Schema (2020-12).' };

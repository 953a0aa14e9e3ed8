import { checkRegex } from '../../language/regex.ts';
import { isObject } from '../object-reader.ts';
import type { Json, JsonObject } from '../types.ts';

const TYPES: readonly Json[] = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null'];

type Fits = (value: Json, names: Names) => boolean;
type Names = Readonly<Record<string, unknown>>;

const isText: Fits = (value) => typeof value === 'string';
const isNumber: Fits = (value) => typeof value === 'number';
const isFlag: Fits = (value) => typeof value === 'boolean';
const isCount: Fits = (value) => Number.isInteger(value) && Number(value) >= 0;
const isSchema: Fits = (value, names) => typeof value === 'boolean' || (isObject(value) && isPlainSchema(value, names));
const isMap: Fits = (value, names) =>
  isObject(value) && Object.values(value).every((member) => isSchema(member, names));

const KEYWORDS: Readonly<Record<string, Fits>> = {
  type: (value) => (Array.isArray(value) ? value.length > 0 && isSet(value) && value.every(isType) : isType(value)),
  properties: isMap,
  required: (value) => Array.isArray(value) && isSet(value) && value.every((name: Json) => typeof name === 'string'),
  additionalProperties: isSchema,
  items: isSchema,
  enum: (value) => Array.isArray(value) && value.length > 0 && isSet(value.map((item: Json) => JSON.stringify(item))),
  const: () => true,
  default: () => true,
  title: isText,
  description: isText,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  uniqueItems: isFlag,
  pattern: (value) => typeof value === 'string' && checkRegex(value) === null,
  $ref: (value, names) => typeof value === 'string' && Object.hasOwn(names, value),
};

/**
 * Whether a schema is valid beyond doubt: it uses nothing but common keywords in their usual form. Most do, and the full check, which
 * compiles the schema of schemas first, costs more than all else that is done at load.
 */
export function isPlainSchema(schema: JsonObject, names: Names): boolean {
  return Object.entries(schema).every(
    ([keyword, value]) => Object.hasOwn(KEYWORDS, keyword) && KEYWORDS[keyword]?.(value, names) === true,
  );
}

function isType(value: Json): boolean {
  return TYPES.includes(value);
}

function isSet(values: readonly Json[]): boolean {
  return new Set(values).size === values.length;
}

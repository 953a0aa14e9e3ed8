import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { FORMATS } from './json-schema-formats.ts';
import { describeError } from './json-schema-messages.ts';
import type { Problem } from './problem.ts';
import { compileRegex, RegexError } from './regex.ts';

/** One way in which a value does not fit; `pointer` leads to the place in the value. Names at most a few short values. */
export interface SchemaError {
  readonly pointer: string;
  readonly message: string;
}

/** Null when the value fits; otherwise one to 20 errors. The value is plain JSON. */
export type SchemaValidator = (value: unknown) => readonly SchemaError[] | null;

export interface SchemaCompiler {
  /**
   * Compiles a schema, or a named one; the schema was checked before. With `coerce`, members that are texts become the numbers,
   * booleans and lists that the schema asks for and defaults are filled in: **the value given is changed**.
   */
  compile(schemaOrName: object | string, options?: { readonly coerce?: boolean }): SchemaValidator;
  /** What is wrong with a schema, or null. The pointer leads into the schema. */
  check(schema: object): Problem | null;
}

const MAX_ERRORS = 20;
/** Values with more members than this get one error only: listing more could take longer than validating. */
const MAX_LISTED_NODES = 2000;

/**
 * JSON Schema 2020-12. A schema refers to named ones as `{"$ref": "Name"}` or `"Name#/$defs/part"`. Keywords and formats that are not
 * known are problems, not silence; patterns run in linear time. `trusted` schemas are known to be valid: they are compiled without being
 * validated first, and only `compile` may be used.
 */
export function createSchemaCompiler(
  named: Readonly<Record<string, object>>,
  { trusted = false }: { readonly trusted?: boolean } = {},
): SchemaCompiler {
  const instances = new Map<string, Ajv2020>();
  const instance = (coerce: boolean, allErrors: boolean): Ajv2020 => {
    const key = `${coerce} ${allErrors}`;
    const ajv = instances.get(key) ?? openAjv(named, coerce, allErrors, !trusted);
    instances.set(key, ajv);
    return ajv;
  };

  const isNamed = (name: string) => Object.hasOwn(named, name.split('#', 1)[0] ?? '');

  return {
    compile(schemaOrName, options = {}) {
      const coerce = options.coerce === true;
      if (typeof schemaOrName === 'string' && !isNamed(schemaOrName)) unknownSchema(schemaOrName);
      let validateFirst: ValidateFunction | null = null;
      let validateAll: ValidateFunction | null = null;
      return (value) => {
        // Made when it is first asked: most of a definition's validators are not in the first minutes, if ever.
        validateFirst ??= compileWith(instance(coerce, false), schemaOrName);
        if (validateFirst(value)) return null;
        if (hasMoreNodes(value, MAX_LISTED_NODES)) return errorsOf(validateFirst);
        validateAll ??= compileWith(instance(coerce, true), schemaOrName);
        // Coercion went part of the way in the first pass; the second takes it up from there.
        return validateAll(value) ? null : errorsOf(validateAll);
      };
    },
    check(schema) {
      try {
        const ajv = instance(false, false);
        // Compiling validates only what it sees for the first time, and named schemas were added unseen.
        ajv.validateSchema(schema, true);
        compileWith(ajv, schema);
        return null;
      } catch (error) {
        return problemOf(schema, error);
      }
    },
  };
}

function openAjv(
  named: Readonly<Record<string, object>>,
  coerce: boolean,
  allErrors: boolean,
  validateSchema: boolean,
): Ajv2020 {
  const ajv = new Ajv2020({
    strictSchema: true,
    validateSchema,
    strictTypes: false,
    strictTuples: false,
    allowUnionTypes: true,
    allErrors,
    // `toString` and the like are absent unless the value has them itself.
    ownProperties: true,
    logger: false,
    formats: FORMATS,
    coerceTypes: coerce ? 'array' : false,
    useDefaults: coerce,
    code: { regExp: LINEAR_REGEXP },
  });
  ajv.addVocabulary(['comment', 'example']);
  // Not validated here: one bad schema must not spoil the others.
  for (const [name, schema] of Object.entries(named)) ajv.addSchema(schema, name, undefined, false);
  return ajv;
}

/**
 * What the generator of validators takes for `new RegExp`. It tells patterns apart by how they print; `code` would only serve
 * validators that are written to a file.
 */
const LINEAR_REGEXP = Object.assign(
  (pattern: string) => {
    const regex = compileRegex(pattern);
    return { test: (text: string) => regex.test(text), toString: () => pattern };
  },
  { code: 'compileRegex' },
);

function compileWith(ajv: Ajv2020, schemaOrName: object | string): ValidateFunction {
  if (typeof schemaOrName !== 'string') return ajv.compile(schemaOrName);
  const validate = ajv.getSchema(schemaOrName);
  return validate ?? unknownSchema(schemaOrName);
}

function unknownSchema(name: string): never {
  throw new Error(`There is no schema "${name}"`);
}

function errorsOf(validate: ValidateFunction): readonly SchemaError[] {
  const errors = (validate.errors ?? []).slice(0, MAX_ERRORS);
  return errors.map((error) => ({ pointer: error.instancePath, message: describeError(error) }));
}

/** Whether a value has more than `limit` members, elements and leaves; looks at no more than that. */
function hasMoreNodes(value: unknown, limit: number): boolean {
  const open = [value];
  let count = 0;
  for (let node = open.pop(); count <= limit; node = open.pop()) {
    count++;
    if (typeof node === 'object' && node !== null) {
      const members = Object.values(node);
      if (members.length > limit) return true;
      open.push(...members);
    }
    if (open.length === 0) return false;
  }
  return true;
}

function problemOf(schema: object, error: unknown): Problem {
  if (error instanceof RegexError) {
    const found = locate(schema, (key, value) => key === 'pattern' && typeof value === 'string' && !isRegex(value));
    const place = found ?? locate(schema, (key) => !isRegex(key));
    return { ...problem(place, `A pattern is not valid: ${error.message}`), code: 'REGEX_INVALID' };
  }
  const message = error instanceof Error ? error.message : String(error);
  const keyword = /unknown keyword: "(.*?)"/.exec(message)?.[1];
  if (keyword !== undefined)
    return problem(
      locate(schema, (key) => key === keyword),
      `"${keyword}" is not a keyword of JSON Schema`,
    );
  const format = /unknown format "(.*?)"/.exec(message)?.[1];
  if (format !== undefined) {
    const found = locate(schema, (key, value) => key === 'format' && value === format);
    return {
      ...problem(found, `The format "${format}" is not known`),
      fix: `Known are ${Object.keys(FORMATS).join(', ')}; or use "pattern"`,
    };
  }
  const reference = /can't resolve reference (\S+)/.exec(message)?.[1];
  if (reference !== undefined) {
    return problem(
      locate(schema, (key, value) => key === '$ref' && value === reference),
      `"${reference}" refers to no schema`,
    );
  }
  const [place] = /(?<=schema is invalid: data)\/\S+/.exec(message) ?? [''];
  return problem(
    place,
    `This is not a valid JSON Schema: ${message.replace(/^(?:strict mode|schema is invalid): /, '')}`,
  );
}

function problem(pointer: string | null, message: string): Problem {
  return { code: 'SCHEMA_INVALID', message, pointer: pointer ?? '' };
}

function isRegex(source: string): boolean {
  try {
    compileRegex(source);
    return true;
  } catch {
    return false;
  }
}

/** Pointer to the first member for which `is` holds, or null. */
function locate(value: unknown, is: (key: string, value: unknown) => boolean, pointer = ''): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const place = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const found = is(key, member) ? place : locate(member, is, place);
    if (found !== null) return found;
  }
  return null;
}

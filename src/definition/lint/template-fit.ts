import { createSchemaCompiler, type SchemaCompiler } from '../../language/json-schema.ts';
import type { TemplateNode } from '../../language/template.ts';
import { suggest } from '../nearest.ts';
import { isObject } from '../object-reader.ts';
import { escapePointer } from '../places.ts';
import type { JsonObject } from '../types.ts';

/** Why no value of a template can fit a schema; the pointer leads into the template. */
export interface Misfit {
  readonly pointer: string;
  readonly message: string;
  readonly fix: string | null;
}

/** Judges templates by what is known of them at load: the parts that are written out, and which members there are. */
export type FitTemplate = (node: TemplateNode, schema: JsonObject) => readonly Misfit[];

/** Keywords that look at a value alone and are judged here; any other one makes the value's schema be compiled. */
const JUDGED: readonly string[] = [
  'type',
  'description',
  'title',
  'comment',
  'example',
  'examples',
  'default',
  '$comment',
];
const MAX_DEPTH = 32;

/** `schemas` are the named ones. */
export function createFit(schemas: Readonly<Record<string, JsonObject>>): FitTemplate {
  const compiler = createSchemaCompiler(schemas, { trusted: true });

  function misfits(node: TemplateNode, schema: JsonObject, pointer: string, depth: number): readonly Misfit[] {
    if (depth > MAX_DEPTH) return [];
    const target = followRef(schemas, schema);
    if (target === null) return [];
    const inner = (member: TemplateNode, part: unknown, name: string | number) =>
      isObject(part) ? misfits(member, part, `${pointer}/${escapePointer(String(name))}`, depth + 1) : [];
    switch (node.kind) {
      case 'path':
      case 'expression':
        return [];
      case 'constant':
        return fitConstant(compiler, node.value, target, pointer);
      case 'text':
        return fitType(target, 'string', pointer);
      case 'list':
        return [
          ...fitType(target, 'array', pointer),
          ...node.items.flatMap((item, index) => inner(item, target.items, index)),
        ];
      case 'record': {
        const { properties } = target;
        const members = isObject(properties) ? properties : {};
        return [
          ...fitType(target, 'object', pointer),
          ...fitMembers(node.members, target, pointer),
          ...node.members.flatMap(([name, member]) =>
            typeof name === 'string' && Object.hasOwn(members, name) ? inner(member, members[name], name) : [],
          ),
        ];
      }
      case 'composed':
        // Which members there are is known only at run time; what is written out must fit all the same.
        return [
          ...fitType(target, 'object', pointer),
          ...node.pieces.flatMap((piece) => {
            const members = isObject(target.properties) ? target.properties : {};
            if (piece.kind === 'spread' || typeof piece.key !== 'string') return [];
            const name = `${piece.key}${piece.optional ? '?' : ''}`;
            return Object.hasOwn(members, piece.key) ? inner(piece.value, members[piece.key], name) : [];
          }),
        ];
    }
  }

  return (node, schema) => misfits(node, schema, '', 0);
}

function fitMembers(
  members: Extract<TemplateNode, { kind: 'record' }>['members'],
  schema: JsonObject,
  pointer: string,
): readonly Misfit[] {
  const names = members.map(([name]) => name);
  const properties = isObject(schema.properties) ? Object.keys(schema.properties) : [];
  const isClosed = schema.additionalProperties === false && schema.patternProperties === undefined;
  const unknown = names.flatMap((name): readonly Misfit[] => {
    if (!isClosed || typeof name !== 'string' || properties.includes(name)) return [];
    const fix = suggest(name, properties);
    return [{ pointer: `${pointer}/${escapePointer(name)}`, message: `must not have the member "${name}"`, fix }];
  });
  // A name that is made at run time may be any of those required.
  if (!Array.isArray(schema.required) || names.some((name) => typeof name !== 'string')) return unknown;
  const missing = schema.required.filter((name) => typeof name === 'string' && !names.includes(name));
  return [
    ...missing.map((name) => ({
      pointer,
      message: `must have the member "${String(name)}"`,
      fix: `Add "${String(name)}"`,
    })),
    ...unknown,
  ];
}

function fitType(schema: JsonObject, type: string, pointer: string): readonly Misfit[] {
  const types = typesOf(schema);
  if (types.length === 0 || types.includes(type)) return [];
  return [{ pointer, message: `must be of the type ${types.join(' or ')}, not ${type}`, fix: null }];
}

function fitConstant(compiler: SchemaCompiler, value: unknown, schema: JsonObject, pointer: string): readonly Misfit[] {
  const types = typesOf(schema);
  const type = typeOf(value);
  const isRight = types.includes(type) || (type === 'integer' && types.includes('number'));
  if (types.length > 0 && !isRight) return fitType(schema, type, pointer);
  if (Object.keys(schema).every((key) => JUDGED.includes(key)) || hasLocalRef(schema)) return [];
  const errors = validate(compiler, schema, value) ?? [];
  return errors.map((error) => ({ pointer: pointer + error.pointer, message: error.message, fix: null }));
}

/** Null where the schema itself is wrong, which another rule says. */
function validate(compiler: SchemaCompiler, schema: JsonObject, value: unknown) {
  try {
    return compiler.compile(schema)(structuredClone(value));
  } catch {
    return null;
  }
}

/** The schema that a `$ref` to a named one means. A reference into a part of a schema is not followed: null. */
function followRef(schemas: Readonly<Record<string, JsonObject>>, schema: JsonObject): JsonObject | null {
  let target: JsonObject | undefined = schema;
  for (let hops = 0; hops < MAX_DEPTH && target !== undefined && target.$ref !== undefined; hops++) {
    if (typeof target.$ref !== 'string' || !Object.hasOwn(schemas, target.$ref)) return null;
    target = schemas[target.$ref];
  }
  return target ?? null;
}

/** A part that refers into the schema that it was taken out of. */
function hasLocalRef(schema: JsonObject): boolean {
  return JSON.stringify(schema).includes('"$ref":"#');
}

function typesOf(schema: JsonObject): readonly string[] {
  const { type } = schema;
  return [type ?? []].flat().filter((name) => typeof name === 'string');
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

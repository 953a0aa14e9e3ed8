import type { StepNode } from '../model.ts';
import { isObject } from '../object-reader.ts';
import type { JsonObject } from '../types.ts';
import type { LintContext } from './context.ts';

/** What is known of a variable's value: its members, or that it is a list of such values. */
export type ValueShape =
  | { readonly kind: 'record'; readonly members: readonly string[]; readonly what: string }
  | { readonly kind: 'list'; readonly item: ValueShape };

/** Members of a byte handle. */
const HANDLE = ['size', 'media_type', 'digest', 'digests', 'hex', 'hexes', 'base64', 'sri', 'sris'];
const ANSWER = ['status', 'headers', 'body', 'size'];

/** The members that a named schema allows, where it allows no others; null where it does, or says nothing. */
export function closedMembers(context: LintContext, schema: string | null): readonly string[] | null {
  return schema === null ? null : closedMembersOf(context.model.schemas[schema]);
}

function closedMembersOf(schema: JsonObject | undefined): readonly string[] | null {
  if (schema === undefined || schema.additionalProperties !== false || !isObject(schema.properties)) return null;
  // Patterns and schemas put together allow what `properties` does not name.
  if (['patternProperties', 'allOf', 'anyOf', 'oneOf', '$ref', 'if'].some((key) => Object.hasOwn(schema, key)))
    return null;
  return Object.keys(schema.properties);
}

/** What a step binds to the variable, where it is known. */
export function boundShape(context: LintContext, step: StepNode, argument: string): ValueShape | null {
  if (argument !== 'out') return null;
  const named = (kind: string) => step.args.find((node) => node.definition?.to === kind)?.references[0];
  const has = (name: string) => step.args.some((node) => node.name === name);
  switch (step.op) {
    case 'kv.get': {
      const record = recordOf(context, named('document'));
      return record !== null && has('keys') ? { kind: 'list', item: record } : record;
    }
    case 'kv.list':
      return listOf(recordOf(context, named('document')));
    case 'index.query':
    case 'search.query':
      return listOf(recordOf(context, context.model.indexes[named('index') ?? '']?.document));
    case 'blob.put':
      // With `out_size` it binds the digest itself.
      return has('out_size') ? null : { kind: 'record', members: HANDLE, what: 'a blob' };
    case 'blob.get':
    case 'blob.fill':
      return { kind: 'record', members: HANDLE, what: 'a blob' };
    case 'archive.read': {
      const as = step.args.find((node) => node.name === 'as')?.json === 'json' ? 'value' : 'text';
      return listOf({ kind: 'record', members: ['path', 'size', as], what: 'a file of an archive' });
    }
    case 'proxy.fetch':
      return { kind: 'record', members: ANSWER, what: "an upstream's answer" };
    case 'parse.header':
      return headerShape(step);
    case 'parse.query':
    case 'parse.json':
      return schemaShape(context, step);
    default:
      return null;
  }
}

function listOf(item: ValueShape | null): ValueShape | null {
  return item === null ? null : { kind: 'list', item };
}

function recordOf(context: LintContext, document: string | undefined): ValueShape | null {
  const members = closedMembers(context, context.model.documents[document ?? '']?.schema ?? null);
  return members === null ? null : { kind: 'record', members, what: `the document "${document}"` };
}

function headerShape(step: StepNode): ValueShape | null {
  const pattern = step.args.find((node) => node.name === 'pattern')?.json;
  const groups = typeof pattern === 'string' ? [...pattern.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)] : [];
  if (groups.length === 0) return null;
  return { kind: 'record', members: groups.map((group) => group[1] ?? ''), what: 'the pattern' };
}

function schemaShape(context: LintContext, step: StepNode): ValueShape | null {
  const node = step.args.find((argument) => argument.definition?.kind === 'schema');
  if (node === undefined) return null;
  const schema = isObject(node.resolved) ? node.resolved : context.model.schemas[node.references[0] ?? ''];
  const members = closedMembersOf(schema);
  return members === null ? null : { kind: 'record', members, what: 'the schema' };
}

import type { LoadContext } from './model.ts';
import { isObject } from './object-reader.ts';
import { type Spot, spotOf } from './places.ts';
import type { Json, JsonObject } from './types.ts';
import type { OperationDefinition } from './vocabulary.ts';

/** An argument that a step leaves out, wholly or in part, because what it names says it. */
export interface FilledIn {
  readonly name: string;
  readonly json: Json;
  /** What of the step names where it comes from. */
  readonly spot: Spot;
  /** Where it comes from, to go on after "by": `the key of the document "book"`. */
  readonly from: string;
}

/**
 * What the definition says in the place of a step: the key of a record, which is the document's key template; the inputs of a pipeline, which
 * are the variables of the same names; and status, code and sentence of an error that is declared under `errors`.
 */
export function fillIn(
  context: LoadContext,
  pack: string | null,
  operation: OperationDefinition | null,
  args: JsonObject,
): readonly FilledIn[] {
  if (operation === null) return [];
  return [
    ...keyOf(context, pack, operation, args),
    ...inputsOf(context, pack, operation, args),
    ...errorOf(context, pack, operation, args),
  ];
}

function keyOf(
  context: LoadContext,
  pack: string | null,
  { args: known, oneOf }: OperationDefinition,
  args: JsonObject,
): readonly FilledIn[] {
  const isGiven = (name: string) => Object.hasOwn(args, name);
  const name = Object.keys(known).find((argument) => known[argument]?.kind === 'key' && !known[argument].many);
  if (name === undefined || isGiven(name) || oneOf.some((group) => group.includes(name) && group.some(isGiven)))
    return [];
  const named = declared(context, pack, 'document', known, args);
  const template = isObject(named?.json) ? named.json.key_template : undefined;
  if (named === null || typeof template !== 'string') return [];
  return [{ name, json: template, spot: named.spot, from: `the key of the document "${named.name}"` }];
}

function inputsOf(
  context: LoadContext,
  pack: string | null,
  { args: known }: OperationDefinition,
  args: JsonObject,
): readonly FilledIn[] {
  const given = Object.hasOwn(args, 'with') ? args.with : {};
  if (known.with === undefined || !isObject(given) || ['$literal', '...'].some((key) => Object.hasOwn(given, key)))
    return [];
  const named = declared(context, pack, 'pipeline', known, args);
  const inputs = isObject(named?.json) && Array.isArray(named.json.inputs) ? named.json.inputs : [];
  const left = inputs.filter((input) => typeof input === 'string' && !Object.hasOwn(given, input));
  if (named === null || left.length === 0) return [];
  const json = { ...given, ...Object.fromEntries(left.map((input) => [input, `$${String(input)}`])) };
  const spot = Object.hasOwn(args, 'with') ? spotOf(args, 'with') : named.spot;
  return [{ name: 'with', json, spot, from: `the inputs of the pipeline "${named.name}"` }];
}

function errorOf(
  context: LoadContext,
  pack: string | null,
  { op }: OperationDefinition,
  args: JsonObject,
): readonly FilledIn[] {
  const { code } = args;
  const entry = op === 'respond.error' ? errorEntry(context, pack, code) : null;
  if (entry === null) return [];
  // The status of a name is that of its code, unless it has its own.
  const status = entry.status ?? errorEntry(context, pack, entry.code)?.status;
  return Object.entries({ ...entry, status }).flatMap(([name, json]): FilledIn[] => {
    const isTaken = name === 'code' || ((name === 'status' || name === 'message') && !Object.hasOwn(args, name));
    if (!isTaken || json === undefined) return [];
    return [{ name, json, spot: spotOf(args, 'code'), from: `the ${name} of the error "${String(code)}"` }];
  });
}

function errorEntry(context: LoadContext, pack: string | null, code: Json | undefined): JsonObject | null {
  const found = typeof code === 'string' ? context.names.find('error', pack, code) : null;
  const entry = found === null ? undefined : context.names.declaration('error', found);
  return isObject(entry) ? entry : null;
}

/** What an argument that refers to something declared names. */
function declared(
  context: LoadContext,
  pack: string | null,
  kind: 'document' | 'pipeline',
  known: OperationDefinition['args'],
  args: JsonObject,
): { readonly name: string; readonly json: Json | undefined; readonly spot: Spot } | null {
  const argument = Object.keys(known).find((name) => known[name]?.to === kind);
  const name = argument === undefined ? undefined : args[argument];
  const found = typeof name === 'string' ? context.names.find(kind, pack, name) : null;
  if (argument === undefined || found === null) return null;
  return { name: String(name), json: context.names.declaration(kind, found), spot: spotOf(args, argument) };
}
